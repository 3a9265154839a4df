/** How progress and refusals are told: to whom, as what, and safe to open in a spreadsheet. */
import { randomUUID } from 'node:crypto'
import { SignJWT, importJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { AdminClient } from '../src/admin/client.ts'
import { createOperator, generateOperatorKey } from '../src/admin/operators.ts'
import { progressCommands } from '../src/admin/progress-commands.ts'
import { createLog } from '../src/log.ts'
import { progressCsv, progressTable, shapeProgress } from '../src/mapping/progress.ts'
import { insertAuditEvents } from '../src/store/audit.ts'
import { citizenRow, openCounted } from './support/counted-portals.ts'
import { recordSecrets } from './support/record.ts'
import { openWorld, type World } from './support/world.ts'

const engines = [
  { database: 'embedded', state: 'embedded', isThere: true },
  { database: 'server', state: 'server', isThere: inject('databaseUrl') && inject('redisUrl') },
] as const

for (const { database, state, isThere } of engines)
  describe.skipIf(!isThere)(`with ${database} stores, the report of progress`, () => {
    let world: World
    let viewer: AdminClient
    let officer: AdminClient
    beforeAll(async () => {
      world = await openWorld({ database, state })
      viewer = await world.operator('a.viewer', ['viewer'])
      officer = await world.operator('an.officer', ['mapping_officer'])
    })
    afterAll(() => world.close())
    const open = (policy?: Record<string, unknown>) => openCounted(world, viewer, policy)

    test('refuses a span or a field that means nothing', async () => {
      for (const query of [
        'from=2024-02-30',
        'from=yesterday',
        'from=2024-07-02&to=2024-07-01',
        'from=2020-01-01&to=2024-01-01',
        'client=',
        'portal=x',
      ]) {
        await expect(viewer.call('GET', `/v1/progress?${query}`)).rejects.toMatchObject({
          status: 400,
          code: 'input_invalid',
        })
      }
    })

    test('comes as CSV to whoever asks for that', async () => {
      const portal = await open()
      await portal.add(citizenRow('a', 'an'))
      const asked = `/v1/progress?client=${portal.clientId}`
      const { privateKey, publicKey } = await generateOperatorKey()
      recordSecrets([privateKey.d])
      const id = 'a.spreadsheet'
      const log = createLog({ level: 'silent' })
      await createOperator({ db: world.db, log, actor: 'local' }, { id, roles: ['viewer'], key: publicKey })
      const assertion = await new SignJWT({ jti: randomUUID() })
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuer(id)
        .setSubject(id)
        .setAudience(world.config.admin.audience)
        .setIssuedAt()
        .setExpirationTime('60s')
        .sign(await importJWK(privateKey, 'ES256'))
      const response = await fetch(`${world.adminUrl}${asked}`, {
        headers: { authorization: `Bearer ${assertion}`, accept: 'text/csv' },
      })
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8')
      expect(response.headers.get('content-disposition')).toMatch(
        /^attachment; filename="progress-20.*\.csv"$/,
      )
      const lines = (await response.text()).split('\r\n')
      expect(lines[0]).toMatch(/^"of","id","name","kind","accounts","open",/)
      expect(lines[1]).toMatch(`"portal","${portal.clientId}","Cổng ${portal.clientId}","all","1","1",`)
      expect(lines.slice(1, -1).map((line) => line.split(',')[0])).toEqual([
        '"portal"',
        '"portal"',
        '"province"',
        '"province"',
        '"total"',
        '"total"',
      ])
      expect(await viewer.call('GET', asked)).toMatchObject({ portals: [{ client: portal.clientId }] })
    })

    test('whom the lock refused is told with reason, since when, and how many', async () => {
      const [portal, other] = [await open(), await open()]
      const subjectId = randomUUID()
      const refusal = (clientId: string, reason: string, reference: string, since?: string) => ({
        event: 'link.refused' as const,
        clientId,
        subjectId,
        actor: 'citizen',
        reference,
        detail: { reason, account: '7', population: 'citizen', ...(since !== undefined && { since }) },
      })
      await insertAuditEvents(world.db, [
        refusal(portal.clientId, 'locked', 'R1', '2024-07-01'),
        refusal(portal.clientId, 'locked', 'R2', '2024-07-01'),
        refusal(other.clientId, 'locked', 'R3', '2024-07-01'),
        refusal(portal.clientId, 'denied', 'R4'),
      ])
      interface Refusals {
        readonly refusals: readonly { readonly reference: string }[]
        readonly next: string
        readonly more: boolean
      }
      const path = `/v1/refusals?client=${portal.clientId}`
      const first = await officer.call<Refusals>('GET', `${path}&limit=2`)
      const times = expect.stringMatching(/^\d{4}-.*Z$/) as string
      expect(first).toMatchObject({
        refusals: [
          {
            at: times,
            client: portal.clientId,
            subject: subjectId,
            reason: 'locked',
            population: 'citizen',
            since: '2024-07-01',
            reference: 'R1',
          },
          { reference: 'R2' },
        ],
        counts: [
          { client: portal.clientId, reason: 'denied', n: 1, first: times, last: times },
          { client: portal.clientId, reason: 'locked', n: 2, first: times, last: times },
        ],
        more: true,
      })
      expect(JSON.stringify(first)).not.toContain('"account"')
      const second = await officer.call<Refusals>('GET', `${path}&after=${first.next}&limit=2`)
      expect(second).toMatchObject({ refusals: [{ reference: 'R4', since: null }], more: false })
      const all = await officer.call<Refusals>('GET', '/v1/refusals')
      expect(all.refusals.map(({ reference }) => reference)).toEqual(['R1', 'R2', 'R3', 'R4'])
      await expect(officer.call('GET', '/v1/refusals?after=x')).rejects.toMatchObject({ status: 400 })
      await expect(viewer.call('GET', '/v1/refusals')).rejects.toMatchObject({ status: 403 })
      expect(await command('refusals', officer, { client: portal.clientId })).toMatch(
        new RegExp(
          `${portal.clientId} {2}${subjectId} {2}locked .*R1 {2}since 2024-07-01\n(.*\n){3}.* {2}locked {2}2$`,
        ),
      )
    })

    test('the command line shows a table, or the same as CSV', async () => {
      const portal = await open()
      await portal.add(citizenRow('a', 'an'), citizenRow('b', 'binh'))
      await portal.enter('an')
      const options = { client: portal.clientId }
      const table = await command('progress', viewer, options)
      expect(table).toMatch(/^ +accounts +open +in_review +linked +exempt +retired\n/)
      expect(table).toMatch(/\ntotal +2 +1 +0 +1 +0 +0 +50\.0%\n/)
      expect(table).toContain('links: attested_number 1')
      expect(table).toMatch(/lock: citizen locked 2024-07-01, /)
      const csv = await command('progress', viewer, { ...options, csv: true })
      expect(csv).toContain(`"portal","${portal.clientId}"`)
    })
    async function command(name: string, admin: AdminClient, options: object): Promise<string> {
      const lines: string[] = []
      const tools = { admin, print: (line: string) => void lines.push(line) }
      await progressCommands[name]!.run(tools as never, [], options)
      return lines.join('\n')
    }
  })

describe('a report', () => {
  const portal = (clientId: string, name: string, policy = {}) => ({ clientId, name, policy })
  const same = { province: '01', kind: 'citizen', state: 'open', classes: 0, method: '' }
  const row = (clientId: string, n: number) => ({ ...same, clientId, n })
  const shape = (portals: ReturnType<typeof portal>[], now = '2024-06-20T00:00:00Z') =>
    shapeProgress(
      { rows: portals.map(({ clientId }) => row(clientId, 1)), trend: [], portals },
      Date.parse(now),
    )

  test.each(['=1+1', '+1', '-1', '@x', '\tx', '\rx'])(
    'a name that a spreadsheet would take for a formula is shown as text: %j',
    (name) => {
      expect(progressCsv(shape([portal('p', name)]))).toContain(`"portal","p","'${name}"`)
    },
  )

  test('quotes, commas and line ends stay within their cell', () => {
    expect(progressCsv(shape([portal('p', 'a "b", c\nd')]))).toContain('"a ""b"", c\nd"')
  })

  test('a number below zero is a number, and no terminal obeys a name', () => {
    expect(progressCsv(shapeProgress({ rows: [row('p', -1)], trend: [], portals: [] }, 0))).toContain('"-1"')
    expect(progressTable(shape([portal('p', 'x\u001b[2Jy')]))).not.toContain('\u001b')
  })

  test("counts the days to each portal's own lock, in Vietnam's days", () => {
    const mapping = { lock: { citizen: { grace: '2024-06-01', locked: '2024-06-22' } } }
    const { lock, portals } = shape([portal('p', 'P', { mapping })], '2024-06-20T17:30:00Z')
    expect(lock).toEqual({
      citizen: { phase: 'grace', locked_from: '2024-07-01', days_left: 10 },
      organisation: { phase: 'open', locked_from: '2025-07-01', days_left: 375 },
      foreigner: { phase: 'open' },
    })
    expect(portals[0]!.lock).toMatchObject({
      citizen: { phase: 'grace', locked_from: '2024-06-22', days_left: 1 },
    })
  })
})
