/** Every audit event has a row and a log line: never one without the other. */
import { randomBytes, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, inject, test } from 'vitest'
import { type AuditEvent, auditTable } from '../../src/audit.ts'
import { audited, recordThroughout } from '../../src/recording.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { type Engine, type World, openWorld, portalDefinition } from '../support/world.ts'

/** Sorted references and ids of events: these must be equal in a row and its log line. */
const sorted = (events: readonly unknown[]) => events.map((event) => JSON.stringify(event)).toSorted()
const inOrder = (detail: object) =>
  Object.fromEntries(Object.entries(detail).toSorted(([one], [other]) => (one < other ? -1 : 1)))

/** Every audit row, in the form that its log line should have. */
async function written(world: World) {
  const rows = await world.db.query<
    Record<'event' | 'client' | 'subject' | 'reference', string | null> & { detail: object }
  >(`select event, client_id as client, subject_id as subject, reference, detail from audit_event`)
  return sorted(
    rows.map(({ detail, event, client, subject, reference }) => ({
      event,
      ...(client !== null && { client }),
      ...(subject !== null && { subject }),
      ...(reference !== null && { reference }),
      ...inOrder(detail),
    })),
  )
}

function announced({ logLines }: World) {
  const lines = logLines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return sorted(
    lines
      .filter(({ event }) => typeof event === 'string' && event in auditTable)
      .map(({ level, time, event, client, subject, reference, ...detail }) => ({
        ...(level !== 'info' && { level }),
        ...(time === undefined && { time }),
        event,
        ...(client !== undefined && { client }),
        ...(subject !== undefined && { subject }),
        ...(reference !== undefined && { reference }),
        ...inOrder(detail),
      })),
  )
}

const engines: Engine[] = inject('databaseUrl') === undefined ? ['embedded'] : ['embedded', 'server']
describe.each(engines)('on the %s database', async (engine) => {
  // A sealing key of its own: the world then generates its signing keys itself, and logs that.
  const environment = { SEAL_KEYS: randomBytes(32).toString('base64url') }
  const world = await openWorld({ database: engine, state: 'embedded', environment })
  const { number } = citizenNamed('an')
  await world.register(portalDefinition('portal-a'), portalDefinition('portal-b'))
  const officer = await world.operator('an-officer', ['mapping_officer', 'registrar', 'security_officer'])

  async function upload(rows: string) {
    const query = new URLSearchParams({ client: 'portal-a', id: randomUUID() }).toString()
    const file = Readable.from([`account_id,kind,citizen_id,attested_at\r\n${rows}`])
    return text(await officer.upload(`/v1/legacy-imports?${query}`, file, 'text/csv'))
  }

  test('all audit rows, and only those, are logged: for logins, imports, operators’ acts and the registry', async () => {
    await upload(`mine,citizen,${number},2024-05-20\r\nother,citizen,001085000002,2024-05-20\r\n`)
    const visitor = createVisitor()
    const portal = await world.portal({ clientId: 'portal-a' })
    await portal.signIn({}, visitor)
    await (await world.portal({ clientId: 'portal-b' })).signIn({}, visitor)
    world.simulator.approve('chi')
    await portal.ask({ acr_values: 'urn:vneid:2' })
    // The number has changed, so the import opens a case in SQL.
    const report = await upload('other,citizen,001085000003,2024-05-20\r\n')
    expect(report).toContain('another number')
    const { reviews } = await officer.call<{ reviews: { id: string }[] }>('GET', '/v1/reviews')
    await officer.call('POST', `/v1/reviews/${reviews[0]!.id}/dismiss`, { reason: 'the letter is wrong' })
    await officer.call('POST', '/v1/clients/portal-b/suspend', { reason: 'for the test' })

    const rows = await written(world)
    expect(announced(world)).toEqual(rows)
    const seen = new Set(rows.map((row) => (JSON.parse(row) as { event: string }).event))
    for (const event of [
      'login.completed',
      'login.refused',
      'link.created',
      'review.opened',
      'review.decided',
      'client.suspended',
    ])
      expect(seen).toContain(event)
  })

  test('a case that an earlier import of the same portal opened is not logged again', async () => {
    const before = (await written(world)).length
    await upload('other,citizen,001085000004,2024-05-20\r\n')
    const cases = (await written(world)).length - before
    expect(cases).toBeGreaterThan(2)
    expect(announced(world)).toEqual(await written(world))
  })

  test('a failed transaction leaves neither row nor line, and a restarted transaction leaves one of each', async () => {
    const lines: string[] = []
    const log = createLog({ level: 'info', destination: { write: (line: string) => void lines.push(line) } })
    const event = (reference: string): AuditEvent => ({ event: 'audit.read', actor: 'system', reference })
    const failing = audited({ db: world.db, log }, async (_tx, note) => {
      note(event('failed'))
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    let attempts = 0
    await audited({ db: world.db, log }, async (_tx, note) => {
      note(event('again'))
      attempts += 1
      if (attempts === 1) throw Object.assign(new Error('a deadlock'), { code: '40P01' })
    })
    const rows = await world.db.query<{ reference: string }>(
      `select reference from audit_event where reference in ('failed', 'again')`,
    )
    expect(rows).toEqual([{ reference: 'again' }])
    expect(lines.map((line) => (JSON.parse(line) as { reference: string }).reference)).toEqual(['again'])
  })

  test('work that fails late logs once the events that its statements have already committed', async () => {
    const lines: string[] = []
    const log = createLog({ level: 'info', destination: { write: (line: string) => void lines.push(line) } })
    const open = (reference: string) =>
      world.db.query(
        `insert into audit_event (class, event, actor, reference) values ('link', 'review.opened', 'system', $1)`,
        [reference],
      )
    await open('late')
    const work = recordThroughout(
      { db: world.db, log },
      { event: 'review.opened', reference: 'late' },
      async () => {
        await open('late')
        await open('of others')
        throw new Error('no')
      },
    )
    await expect(work).rejects.toThrow('no')
    expect(lines.map((line) => (JSON.parse(line) as { reference: string }).reference)).toEqual(['late'])
  })
})
