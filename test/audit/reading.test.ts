/** What auditors read, prove and keep: through the admin API and on the command line. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import type { AdminClient } from '../../src/cli/client.ts'
import type { EventAnswer, SubjectAnswer, TraceAnswer } from '../../src/admin/audit-operations.ts'
import type { CheckpointAnswer } from '../../src/admin/audit-proof-operations.ts'
import { auditTable } from '../../src/audit.ts'
import type { AuditName } from '../../src/audit.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { openFolder, openOperator, runCommandLine } from '../support/operators/command-line.ts'
import { newNumber } from '../support/operators/operators.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const { db } = world
const folder = openFolder()
const theAuditor = await openOperator(world, 'the.auditor', ['auditor'])
const as = (args: readonly string[], input?: string) => runCommandLine(args, theAuditor(), input)

let auditor: AdminClient
let officer: AdminClient
let viewer: AdminClient
/** Of one login of `an` and one login of `binh`. */
const came = { an: '', reference: '' }
beforeAll(async () => {
  auditor = await world.operator('an.auditor', ['auditor'])
  officer = await world.operator('an.officer', ['security_officer'])
  viewer = await world.operator('a.viewer', ['viewer'])
  await world.register(portalDefinition('portal-a'))
  const portal = await world.portal({ clientId: 'portal-a' })
  await portal.signIn()
  const [row] = await db.query<{ id: string; reference: string }>(
    `select subject_id as id, reference from audit_event where event = 'login.completed'`,
  )
  Object.assign(came, { an: row!.id, reference: row!.reference })
})

test('an auditor finds events by what they are about, page by page', async () => {
  type Events = { events: EventAnswer[]; next: string | null; more: boolean }
  const get = (query: string) => auditor.call<Events>('GET', `/v1/audit/events?${query}`)
  const { events } = await get(`subject=${came.an}`)
  expect(events.map(({ event }) => event)).toEqual(
    expect.arrayContaining(['subject.created', 'login.completed']),
  )
  expect(events[0]).toMatchObject({ client: 'portal-a', subject: came.an, reference: came.reference })
  expect(events[0]).not.toHaveProperty('salt')
  expect((await get('event=login.completed&client=portal-a')).events).toHaveLength(1)
  expect((await get('class=operator&operator=local')).events.length).toBeGreaterThan(2)
  expect((await get('class=login&from=2020-01-01&to=2020-01-02')).events).toEqual([])
  const first = await get('limit=1')
  expect(first).toMatchObject({ more: true, next: first.events[0]!.id })
  const second = await get(`limit=1&after=${first.next}`)
  expect(Number(second.events[0]!.id)).toBeGreaterThan(Number(first.events[0]!.id))
  await expect(get('event=no.such')).rejects.toMatchObject({ code: 'input_invalid' })
})

test('all events about a citizen are found by the number, including those of replaced subjects', async () => {
  const { number } = citizenNamed('an')
  const search = () =>
    auditor.call<{ subjects: SubjectAnswer[]; events: EventAnswer[] }>('POST', '/v1/audit/search', {
      citizen_id: number,
    })
  expect(await search()).toMatchObject({ subjects: [{ subject: came.an, kind: 'citizen' }] })
  const [other] = await db.query<{ id: string }>(
    `insert into subject (id, kind, disabled_at, replaced_by) values (gen_random_uuid(), 'citizen', now(), $1) returning id`,
    [came.an],
  )
  await db.query(
    `insert into audit_event (class, event, subject_id, actor) values ('login', 'login.completed', $1, 'citizen')`,
    [other!.id],
  )
  const { subjects, events } = await search()
  expect(subjects.map(({ subject }) => subject).toSorted()).toEqual([came.an, other!.id].toSorted())
  expect(new Set(events.map(({ subject }) => subject))).toEqual(new Set([came.an, other!.id]))
  const nobody = await auditor.call('POST', '/v1/audit/search', { citizen_id: newNumber() })
  expect(nobody).toEqual({ subjects: [], events: [], next: null, more: false })
})

test('a read of a person’s audit is recorded in the audit before the answer is sent', async () => {
  const reads = await db.query<{ actor: string; subject_id: string | null; detail: { by: string[] } }>(
    `select actor, subject_id, detail from audit_event where event = 'audit.read' order by id`,
  )
  expect(reads).toContainEqual({
    actor: 'an.auditor',
    subject_id: came.an,
    detail: { by: ['subject'], found: 2 },
  })
  expect(
    reads.some(({ detail, subject_id: subject }) => detail.by.includes('citizen_id') && subject === came.an),
  ).toBe(true)
  expect(JSON.stringify(reads)).not.toContain(citizenNamed('an').number)
})

test('a reference leads to its events; a viewer may not read them', async () => {
  const path = `/v1/traces/${came.reference}`
  const told = await auditor.call<TraceAnswer>('GET', path)
  expect(told.events.map(({ event }) => event)).toEqual(['subject.created', 'login.completed'])
  expect(told.events[0]!.subject).toBe(came.an)
  await expect(viewer.call('GET', path)).rejects.toMatchObject({ code: 'forbidden' })
  expect(await auditor.call('GET', '/v1/traces/NOSUCHREF1')).toEqual({
    reference: 'NOSUCHREF1',
    events: [],
    more: false,
  })

  const story = await as(['trace', came.reference])
  expect(story).toMatchObject({ code: 0, err: '' })
  expect(story.out).toContain('a person signed in to a portal (at portal-a, by citizen')
  const unknown = await as(['trace', 'NOSUCHREF1'])
  expect(unknown).toMatchObject({ code: 0, err: '' })
  expect(unknown.out).toContain('no audit event has the reference NOSUCHREF1')
})

test('the audit is verified on the command line, against saved keys and a saved checkpoint', async () => {
  const keys = join(folder, 'keys.json')
  expect(await as(['audit', 'keys', '--out', keys])).toMatchObject({ code: 0, err: '' })
  expect(readFileSync(keys, 'utf8')).not.toContain('"d"')
  const made = await as(['audit', 'checkpoint'])
  const [, head = ''] = /^head (\d+:[0-9a-f]{64})$/m.exec(made.out) ?? []
  expect(head).not.toBe('')
  const verified = await as(['audit', 'verify', '--key', keys, '--expect-checkpoint', head])
  expect(verified).toMatchObject({ code: 0, err: '' })
  expect(verified.out).toMatch(/verified\n$/)
  expect(
    (
      await as([
        'audit',
        'verify',
        '--expect-checkpoint',
        head.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      ])
    ).code,
  ).toBe(1)
  expect((await as(['audit', 'checkpoints'])).out).toContain(head)
  const today = new Date().toISOString().slice(0, 10)
  expect((await as(['audit', 'verify', '--from', today, '--key', keys])).out).toContain('a part of the log')
})

test('an export is verified without broker, database or operator key', async () => {
  const [file, keys] = [join(folder, 'audit.ndjson.gz'), join(folder, 'keys.json')]
  expect(await as(['audit', 'export', file])).toMatchObject({ code: 0, err: '' })
  const nowhere = { HOME: folder }
  const verified = await runCommandLine(['audit', 'verify', '--file', file, '--key', keys], nowhere)
  expect(verified).toMatchObject({ code: 0, err: '' })
  const text = gunzipSync(readFileSync(file)).toString()
  const line = text.split('\n').find((one) => one.includes('"login.completed"'))!
  const { id } = (JSON.parse(line) as { row: { id: string } }).row
  const tampered = join(folder, 'tampered.ndjson')
  writeFileSync(tampered, text.replace(line, line.replace('portal-a', 'portal-b')))
  const found = await runCommandLine(['audit', 'verify', '--file', tampered, '--key', keys], nowhere)
  expect(found.code).toBe(1)
  expect(found.out).toContain(`FAULT row altered: row ${id} differs from what was covered`)
  expect(found.err).toBe('the audit does not match its checkpoints\n')
  writeFileSync(`${tampered}.gz`, gzipSync(text).subarray(0, -200))
  expect((await runCommandLine(['audit', 'verify', '--file', `${tampered}.gz`], nowhere)).code).toBe(1)
  // An existing file is never overwritten.
  expect((await as(['audit', 'export', file])).code).toBe(1)
  expect(gunzipSync(readFileSync(file)).toString()).toBe(text)
  await expect(viewer.call('GET', '/v1/audit/export')).rejects.toMatchObject({ code: 'forbidden' })
})

test('a new audit key signs new checkpoints; the old one still verifies earlier checkpoints', async () => {
  const keysBefore = await auditor.call<{ keys: { kid: string }[] }>('GET', '/v1/audit/keys')
  const { kid } = await officer.call<{ kid: string }>('POST', '/v1/audit/keys')
  const { head } = await officer.call<{ head: CheckpointAnswer }>('POST', '/v1/audit/checkpoints')
  expect(head.key).toBe(kid)
  const { keys } = await auditor.call<{ keys: { kid: string }[] }>('GET', '/v1/audit/keys')
  expect(keys.map((one) => one.kid)).toEqual([kid, keysBefore.keys[0]!.kid])
  expect(await as(['audit', 'verify'])).toMatchObject({ code: 0, err: '' })
  const old = join(folder, 'old-keys.json')
  writeFileSync(old, JSON.stringify(keysBefore))
  const refused = await as(['audit', 'verify', '--key', old])
  expect(refused.code).toBe(1)
  expect(refused.out).toContain(`FAULT checkpoint not ours: checkpoint ${head.checkpoint}`)
})

test('a citizen is looked up on the command line without the number in the arguments', async () => {
  const { number } = citizenNamed('an')
  const told = await as(['audit', 'person', '--citizen-id', '-'], `${number}\n`)
  expect(told).toMatchObject({ code: 0, err: '' })
  expect(told.out).toContain(`subject ${came.an}  citizen`)
  expect(told.out).toContain('login.completed')
  expect(told.out).not.toContain(number)
  expect((await as(['audit', 'events', '--event', 'login.completed'])).out).toContain('client=portal-a')
})

test('a detail holds the fields that the vocabulary names, and no other', async () => {
  const rows = await db.query<{ event: AuditName; fields: string[] }>(
    `select event, array_agg(distinct field) as fields from audit_event, jsonb_object_keys(detail) field group by event`,
  )
  const strange = rows.flatMap(({ event, fields }) =>
    fields.filter((field) => !auditTable[event].detail.includes(field)).map((field) => `${event} ${field}`),
  )
  expect(rows.length).toBeGreaterThan(3)
  expect(strange).toEqual([])
})

test('when the node stops, a checkpoint covers all that it has written', async () => {
  await world.restart()
  const [left] = await db.query<{ n: number }>(
    `select count(*)::int as n from audit_event where id > (select max(last_id) from audit_checkpoint)`,
  )
  expect(left!.n).toBe(0)
  expect(
    (await fetch(`${world.operationsUrl}/metrics`).then((answer) => answer.text())).includes(
      'audit_checkpoint_lag_seconds',
    ),
  ).toBe(true)
})
