/** What lets somebody in takes two persons; two keys of one person are no two persons. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { AdminClient } from '../../src/cli/client.ts'
import { createAdminClient } from '../../src/cli/client.ts'
import { endIdleOperators } from '../../src/admin/idle-operators.ts'
import { createOperator } from '../../src/operators/operators.ts'
import type { Role } from '../../src/vocabulary.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { watchReview } from '../../src/admin/operator-review.ts'
import { endLateApprovals } from '../../src/approvals/approvals.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { operatorReviewDue } from '../../src/telemetry/metrics.ts'
import { openOffice, refusal } from '../support/operators/officers.ts'
import { newNumber } from '../support/operators/operators.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld } from '../support/world.ts'

const { world, doubt, confirm, approve } = await openOffice()
const log = createLog({ level: 'silent' })
const tools = { db: world.db, log }
let count = 0

/** An operator without a person behind it. */
async function machine(roles: readonly Role[], by = 'local'): Promise<AdminClient & { readonly id: string }> {
  const id = `machine-${++count}`
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  await createOperator({ ...tools, actor: by }, { id, roles, key: publicKey })
  const { audience } = world.config.admin
  return { id, ...createAdminClient({ url: world.adminUrl, audience, operatorId: id, key: privateKey }) }
}
const publicJwk = async () => (await generateOperatorKey()).publicKey
const operatorOf = async (id: string) =>
  (
    await world.db.query<{ roles: string[]; kind: string }>(
      'select roles, kind from operator where id = $1',
      [id],
    )
  )[0]
const events = async (event: string, id: string) =>
  world.db.query<{ actor: string; detail: Record<string, string> }>(
    `select actor, detail from audit_event where event = $1 and (detail->>'operator' = $2 or detail->>'approval' = $2)`,
    [event, id],
  )
interface Held {
  readonly approval: string
}

describe('a case', () => {
  test('that a machine confirmed may be approved by a person, never by a machine', async () => {
    const { question } = await doubt('binh')
    const asker = await machine(['mapping_officer'])
    const approval = await confirm(question, asker)
    expect(await refusal(approve(approval, await machine(['mapping_officer'])))).toMatchObject({
      code: 'second_person_needed',
    })
    await approve(approval)
  })

  test('is approved by nobody who asked for it under the name of a machine of his own', async () => {
    const { question } = await doubt('an')
    const asker = await machine(['mapping_officer'], 'officer.two')
    const approval = await confirm(question, asker)
    expect(await refusal(approve(approval))).toMatchObject({ code: 'second_person_needed' })
    await approve(approval, await world.operator('officer.three', ['mapping_officer']))
  })
})

test('one person is one operator, whatever key and name he brings', async () => {
  const citizen = { type: 'citizen_id', keys: world.citizenKeysOf(newNumber()) } as const
  await createOperator({ ...tools, actor: 'local' }, { id: 'first.name', roles: ['viewer'], citizen })
  const again = createOperator(
    { ...tools, actor: 'local' },
    { id: 'second.name', roles: ['viewer'], citizen, key: await publicJwk() },
  )
  expect(await refusal(again)).toMatchObject({ code: 'state_conflict' })
  expect(await operatorOf('second.name')).toBeUndefined()
  // Nor when the first is disabled.
  await world.db.query(
    `update operator set disabled_at = now(), disabled_by = 'x', disabled_reason = 'x' where id = 'first.name'`,
  )
  const once = createOperator({ ...tools, actor: 'local' }, { id: 'third.name', roles: ['viewer'], citizen })
  expect(await refusal(once)).toMatchObject({ code: 'state_conflict' })
})

describe('before there were ever two security officers who are persons', () => {
  test('one is enough, and the audit says so', async () => {
    const young = await openWorld()
    const first = await young.operator('the.first', ['security_officer'])
    const body = { id: 'the.second', roles: ['security_officer'], citizen_id: newNumber() }
    expect(await first.call('POST', '/v1/operators', body)).toEqual({
      id: 'the.second',
      kind: 'person',
      roles: ['security_officer'],
    })
    const [created] = await young.db.query<{ detail: object }>(
      `select detail from audit_event where event = 'operator.created' and actor = 'the.first'`,
    )
    expect(created).toMatchObject({ detail: { operator: 'the.second', alone: true, kind: 'person' } })
    // From now on two; and to disable the other leads not back to the start.
    const third = { id: 'the.third', roles: ['viewer'], public_key: await publicJwk() }
    expect(await first.call('POST', '/v1/operators', third)).toMatchObject({ approval: expect.any(String) })
    await first.call('POST', '/v1/operators/the.second/disable', { reason: 'to be alone again' })
    expect(await first.call('POST', '/v1/operators', third)).toMatchObject({ approval: expect.any(String) })
    await young.close()
  })

  test('of two who are made at once, one is alone', async () => {
    const young = await openWorld()
    const first = await young.operator('the.first', ['security_officer'])
    const made = await Promise.all(
      ['second', 'third', 'fourth'].map((id) =>
        first.call<Record<string, string>>('POST', '/v1/operators', {
          id,
          roles: ['security_officer'],
          citizen_id: newNumber(),
        }),
      ),
    )
    expect(made.filter(({ id }) => id !== undefined)).toHaveLength(1)
    await young.close()
  })
})

describe('with two security officers', () => {
  let one: AdminClient
  let two: AdminClient
  beforeEach(async () => {
    const ids = [`security.${++count}`, `security.${++count}`]
    ;[one, two] = [
      await world.operator(ids[0]!, ['security_officer']),
      await world.operator(ids[1]!, ['security_officer']),
    ]
  })
  const newcomer = async (more: object = {}) => ({
    id: `new.${++count}`,
    roles: ['viewer'] as Role[],
    public_key: await publicJwk(),
    ...more,
  })
  const waiting = async (by: AdminClient) =>
    (await by.call<{ approvals: Record<string, unknown>[] }>('GET', '/v1/approvals?limit=1000')).approvals
  const end = (what: 'approve' | 'decline', { approval }: Held, by: AdminClient) =>
    by.call('POST', `/v1/approvals/${approval}/${what}`)

  test('a new operator is none until the other approves, and both are in the audit', async () => {
    const number = newNumber()
    const body = { id: `new.${++count}`, roles: ['viewer'], citizen_id: number }
    const held = await one.call<Held>('POST', '/v1/operators', body)
    expect(await operatorOf(body.id)).toBeUndefined()
    const shown = (await waiting(two)).find(({ id }) => id === held.approval)
    expect(shown).toMatchObject({
      kind: 'operator.create',
      asks: { id: body.id, roles: ['viewer'], citizen_id: `*********${number.slice(-3)}` },
    })
    expect(await refusal(end('approve', held, one))).toMatchObject({ code: 'second_person_needed' })
    expect(await refusal(end('approve', held, await machine(['security_officer'])))).toMatchObject({
      code: 'second_person_needed',
    })
    expect(
      await refusal(end('approve', held, await world.operator(`m.${++count}`, ['viewer']))),
    ).toMatchObject({
      code: 'forbidden',
    })
    await end('approve', held, two)
    expect(await operatorOf(body.id)).toEqual({ roles: ['viewer'], kind: 'person' })
    const [created] = await events('operator.created', body.id)
    const [asked] = await events('approval.asked', held.approval)
    expect(created!.detail['asked_by']).toBe(asked!.actor)
    expect(created!.actor).not.toBe(asked!.actor)
    expect(await refusal(end('approve', held, two))).toMatchObject({ code: 'case_gone' })
    const [{ sealed } = { sealed: 1 }] = await world.db.query<{ sealed: unknown }>(
      'select sealed from approval where id = $1',
      [held.approval],
    )
    expect(sealed).toBeNull()
  })

  test('of two approvals at once one does it', async () => {
    const held = await one.call<Held>('POST', '/v1/operators', await newcomer())
    const third = await world.operator(`security.${++count}`, ['security_officer'])
    const outcomes = await Promise.all([
      refusal(end('approve', held, two)),
      refusal(end('approve', held, third)),
    ])
    expect(outcomes.filter((error) => error === undefined)).toHaveLength(1)
  })

  test('what cannot be done is refused at once, and what can no more when it is approved goes on waiting', async () => {
    const body = await newcomer()
    expect(await refusal(one.call('POST', '/v1/operators', { ...body, id: 'officer.one' }))).toMatchObject({
      code: 'state_conflict',
    })
    const held = await one.call<Held>('POST', '/v1/operators', body)
    await createOperator(
      { ...tools, actor: 'local' },
      { id: body.id, roles: ['viewer'], key: await publicJwk() },
    )
    expect(await refusal(end('approve', held, two))).toMatchObject({ code: 'state_conflict' })
    expect((await waiting(two)).some(({ id }) => id === held.approval)).toBe(true)
  })

  test('it is declined by the other, withdrawn by who asked, and ends after seven days', async () => {
    const [declined, withdrawn, late] = [
      await one.call<Held>('POST', '/v1/operators', await newcomer()),
      await one.call<Held>('POST', '/v1/operators', await newcomer()),
      await one.call<Held>('POST', '/v1/operators', await newcomer()),
    ]
    await end('decline', declined, two)
    await end('decline', withdrawn, one)
    await world.db.query(`update approval set expires_at = now() - interval '1 second' where id = $1`, [
      late.approval,
    ])
    expect(await refusal(end('approve', late, two))).toMatchObject({ code: 'case_gone' })
    await endLateApprovals(tools)
    const outcomes = await world.db.query<{ outcome: string }>(
      'select outcome from approval where id = any($1::uuid[]) order by asked_at',
      [[declined.approval, withdrawn.approval, late.approval]],
    )
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['declined', 'withdrawn', 'expired'])
    expect(await refusal(end('approve', declined, two))).toMatchObject({ code: 'case_gone' })
  })

  test('who asked and was disabled since is asked for no more', async () => {
    const held = await one.call<Held>('POST', '/v1/operators', await newcomer())
    const { id } = await one.call<{ id: string }>('GET', '/v1/whoami')
    await two.call('POST', `/v1/operators/${id}/disable`, { reason: 'left' })
    expect(await refusal(end('approve', held, two))).toMatchObject({ code: 'state_conflict' })
  })

  test('roles and number change when the other approves; nothing of the old is left', async () => {
    const number = newNumber()
    const citizen = { type: 'citizen_id', keys: world.citizenKeysOf(number) } as const
    const id = `changing.${++count}`
    await createOperator({ ...tools, actor: 'local' }, { id, roles: ['viewer'], citizen })
    const fresh = newNumber()
    const body = { roles: ['auditor'], citizen_id: fresh }
    const held = await one.call<Held>('PATCH', `/v1/operators/${id}`, body)
    expect(await operatorOf(id)).toMatchObject({ roles: ['viewer'] })
    await end('approve', held, two)
    const [row] = await world.db.query<{ roles: string[]; keys: Buffer[] }>(
      `select roles, array(select key from operator_citizen_key where operator_id = id) as keys
       from operator where id = $1`,
      [id],
    )
    expect(row).toEqual({ roles: ['auditor'], keys: world.citizenKeysOf(fresh) })
    expect(await events('operator.changed', id)).toMatchObject([
      { detail: { changed: ['roles', 'number'], roles: ['auditor'] } },
    ])
    expect(
      await refusal(one.call('PATCH', '/v1/operators/nobody.here', { roles: ['viewer'] })),
    ).toMatchObject({
      code: 'not_found',
    })
    const { id: engine } = await machine(['viewer'])
    expect(
      await refusal(one.call('PATCH', `/v1/operators/${engine}`, { citizen_id: newNumber() })),
    ).toMatchObject({
      code: 'state_conflict',
    })
  })

  test('a person’s key is made by that person alone, and taken away by officers', async () => {
    const id = `keyed.${++count}`
    const person = await world.operator(id, ['viewer'])
    const [key, stolen] = [await publicJwk(), await publicJwk()]
    const path = `/v1/operators/${id}/key`
    expect(await refusal(one.call('PUT', path, { public_key: stolen }))).toMatchObject({ code: 'forbidden' })
    const held = await person.call<Held>('PUT', path, { public_key: key })
    expect(
      await refusal(end('approve', held, await world.operator(`m.${++count}`, ['viewer']))),
    ).toMatchObject({
      code: 'forbidden',
    })
    await end('approve', held, two)
    expect(await refusal(person.call('GET', '/v1/whoami'))).toMatchObject({ status: 401 })
    const keyOf = async () =>
      (await world.db.query<{ public: object | null }>('select public from operator where id = $1', [id]))[0]!
        .public
    expect(await keyOf()).toEqual(key)
    await end('approve', await one.call<Held>('PUT', path, { public_key: null }), two)
    expect(await keyOf()).toBeNull()
  })

  test('a machine’s key is asked for by an officer, who then approves nothing that it asks for', async () => {
    const robot = await machine(['mapping_officer'])
    const officerId = `both.${++count}`
    const officer = await world.operator(officerId, ['security_officer', 'mapping_officer'])
    const path = `/v1/operators/${robot.id}/key`
    const { privateKey, publicKey } = await generateOperatorKey()
    recordSecrets([privateKey.d])
    expect(await refusal(robot.call('PUT', path, { public_key: publicKey }))).toMatchObject({
      code: 'forbidden',
    })
    expect(await refusal(officer.call('PUT', path, { public_key: null }))).toMatchObject({
      code: 'state_conflict',
    })
    await end('approve', await officer.call<Held>('PUT', path, { public_key: publicKey }), two)
    const { question } = await doubt('dung')
    const client = createAdminClient({
      url: world.adminUrl,
      audience: world.config.admin.audience,
      operatorId: robot.id,
      key: privateKey,
    })
    const approval = await confirm(question, client)
    expect(await refusal(approve(approval, officer))).toMatchObject({ code: 'second_person_needed' })
    await approve(approval)
  })

  test('who asked for a machine approves nothing that it asks for, though another let it in', async () => {
    const officer = await world.operator(`both.${++count}`, ['security_officer', 'mapping_officer'])
    const { privateKey, publicKey } = await generateOperatorKey()
    recordSecrets([privateKey.d])
    const id = `robot.${++count}`
    const body = { id, roles: ['mapping_officer'], public_key: publicKey }
    await end('approve', await officer.call<Held>('POST', '/v1/operators', body), two)
    const { question } = await doubt('khoi')
    const client = createAdminClient({
      url: world.adminUrl,
      audience: world.config.admin.audience,
      operatorId: id,
      key: privateKey,
    })
    const approval = await confirm(question, client)
    expect(await refusal(approve(approval, officer))).toMatchObject({ code: 'second_person_needed' })
  })

  test('a disabled operator comes back when the other approves', async () => {
    const id = `returning.${++count}`
    const back = await world.operator(id, ['viewer'])
    await one.call('POST', `/v1/operators/${id}/disable`, { reason: 'on leave' })
    expect(await refusal(back.call('GET', '/v1/whoami'))).toMatchObject({ status: 401 })
    await end(
      'approve',
      await one.call<Held>('POST', `/v1/operators/${id}/enable`, { reason: 'is back' }),
      two,
    )
    expect(await back.call('GET', '/v1/whoami')).toMatchObject({ id })
    expect(await refusal(one.call('POST', `/v1/operators/${id}/enable`, { reason: 'twice' }))).toMatchObject({
      code: 'state_conflict',
    })
  })
})

describe('an operator whom nobody has seen for 45 days', () => {
  test('is out at once, is disabled by the house, and comes back as others do', async () => {
    const [one, two] = [
      await world.operator(`security.${++count}`, ['security_officer']),
      await world.operator(`security.${++count}`, ['security_officer']),
    ]
    const id = `idle.${++count}`
    const idle = await world.operator(id, ['viewer'])
    const almost = await world.operator(`${id}-almost`, ['viewer'])
    const age = (days: number, who: string) =>
      world.db.query(
        `update operator set created_at = now() - interval '99 days', last_seen_at = now() - make_interval(days => $1)
         where id = $2`,
        [days, who],
      )
    await age(45, id)
    await age(44, `${id}-almost`)
    expect(await refusal(idle.call('GET', '/v1/whoami'))).toMatchObject({ status: 401 })
    expect(await almost.call('GET', '/v1/whoami')).toMatchObject({ id: `${id}-almost` })
    await endIdleOperators(tools)
    expect(await events('operator.disabled', id)).toMatchObject([
      { actor: 'system', detail: { reason: 'idle' } },
    ])
    expect(await events('operator.disabled', `${id}-almost`)).toEqual([])
    const { approval } = await one.call<Held>('POST', `/v1/operators/${id}/enable`, {
      reason: 'was on a long leave',
    })
    await two.call('POST', `/v1/approvals/${approval}/approve`)
    expect(await idle.call('GET', '/v1/whoami')).toMatchObject({ id })
    await endIdleOperators(tools)
    expect(await idle.call('GET', '/v1/whoami')).toMatchObject({ id })
  })

  test('is disabled even as the last security officer, and the log calls for help', async () => {
    const empty = await openWorld()
    await empty.operator('the.last', ['security_officer'])
    await empty.db.query(`update operator set created_at = now() - interval '46 days'`)
    const lines: string[] = []
    const told = createLog({ level: 'info', destination: { write: (line: string) => void lines.push(line) } })
    await endIdleOperators({ db: empty.db, log: told })
    expect(lines.join('')).toContain('"operators.without_officer"')
    await empty.close()
  })
})

describe('the access review', () => {
  interface Report {
    readonly since: string | null
    readonly read_at: string
    readonly due_at: string
    readonly is_overdue: boolean
    readonly operators: readonly { readonly id: string; readonly did: Readonly<Record<string, number>> }[]
  }

  test('tells of each operator and what it did since the last one, and when the next is due', async () => {
    const id = `reviewer.${++count}`
    const officer = await world.operator(id, ['security_officer', 'auditor'])
    const other = await world.operator(`security.${++count}`, ['security_officer'])
    await world.operator(`${id}-barred`, ['viewer'])
    await officer.call('POST', `/v1/operators/${id}-barred/disable`, { reason: 'for the report' })
    const read = () => officer.call<Report>('GET', '/v1/operator-review')
    const didIn = ({ operators }: Report) => operators.find((operator) => operator.id === id)?.did
    const first = await read()
    expect(didIn(first)).toEqual({ 'operator.disabled': 1 })
    expect(first.operators.length).toBeGreaterThan(3)
    expect(first.is_overdue).toBe(false)

    const confirmReview = (at: string, by = officer) =>
      by.call('POST', '/v1/operator-reviews', { read_at: at })
    expect(await refusal(confirmReview('2999-01-01T00:00:00.000Z'))).toMatchObject({ code: 'state_conflict' })
    expect(await refusal(confirmReview(first.read_at, await machine(['security_officer'])))).toMatchObject({
      code: 'forbidden',
    })
    // Of a moment at which nobody read one.
    const between = new Date(Date.parse(first.read_at) - 1).toISOString()
    expect(await refusal(confirmReview(between))).toMatchObject({ code: 'state_conflict' })
    await confirmReview(first.read_at, other)
    expect(await refusal(confirmReview(first.read_at))).toMatchObject({ code: 'state_conflict' })
    const second = await read()
    expect(second.since).toBe(first.read_at)
    expect(didIn(second)).toEqual({ 'operator.review_read': 1 })
    const [row] = await world.db.query(`select 1 from audit_event where event = 'operator.review_confirmed'`)
    expect(row).toBeDefined()
  })

  test('that is late is told by a warning and a metric', async () => {
    await world.db.query(`update operator_review set read_at = now() - interval '7 months'`)
    const lines: string[] = []
    await watchReview({
      db: world.db,
      log: createLog({ level: 'info', destination: { write: (line: string) => void lines.push(line) } }),
    })
    expect(lines.join('')).toContain('"operators.review_overdue"')
    const { values } = await operatorReviewDue.get()
    expect(values[0]!.value).toBeLessThan(Date.now() / 1000)
    const auditor = await world.operator(`auditor.${++count}`, ['auditor'])
    expect(await auditor.call('GET', '/v1/operator-review')).toMatchObject({ is_overdue: true })
  })
})
