/** Granting access requires two persons, and two keys of one person do not count as two persons. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { AdminClient } from '../../src/cli/client.ts'
import { createOperator } from '../../src/operators/operators.ts'
import type { Role } from '../../src/vocabulary.ts'
import { endLateApprovals } from '../../src/approvals/approvals.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { openOffice, refusal } from '../support/operators/officers.ts'
import { createMachine, freshKey } from '../support/operators/machines.ts'
import { newNumber } from '../support/operators/operators.ts'

const { world, doubt, confirm, approve } = await openOffice()
const log = createLog({ level: 'silent' })
const tools = { db: world.db, log }
let count = 0

const publicJwk = async () => (await freshKey(world)).publicKey
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
  test('that a machine confirmed can be approved by a person, never by a machine', async () => {
    const { question } = await doubt('binh')
    const asker = await createMachine(world, ['mapping_officer'])
    const approval = await confirm(question, asker)
    expect(await refusal(approve(approval, await createMachine(world, ['mapping_officer'])))).toMatchObject({
      code: 'second_person_needed',
    })
    await approve(approval)
  })

  test('cannot be approved by the person whose own machine asked for it', async () => {
    const { question } = await doubt('an')
    const asker = await createMachine(world, ['mapping_officer'], 'officer.two')
    const approval = await confirm(question, asker)
    expect(await refusal(approve(approval))).toMatchObject({ code: 'second_person_needed' })
    await approve(approval, await world.operator('officer.three', ['mapping_officer']))
  })
})

test('one person is one operator, with any key and any name', async () => {
  const citizen = { type: 'citizen_id', keys: world.citizenKeysOf(newNumber()) } as const
  await createOperator({ ...tools, actor: 'local' }, { id: 'first.name', roles: ['viewer'], citizen })
  const again = createOperator(
    { ...tools, actor: 'local' },
    { id: 'second.name', roles: ['viewer'], citizen, key: await publicJwk() },
  )
  expect(await refusal(again)).toMatchObject({ code: 'state_conflict' })
  expect(await operatorOf('second.name')).toBeUndefined()
  // This holds also when the first operator is disabled.
  await world.db.query(
    `update operator set disabled_at = now(), disabled_by = 'x', disabled_reason = 'x' where id = 'first.name'`,
  )
  const once = createOperator({ ...tools, actor: 'local' }, { id: 'third.name', roles: ['viewer'], citizen })
  expect(await refusal(once)).toMatchObject({ code: 'state_conflict' })
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

  test('a new operator has no access until the other approves, and the audit records both', async () => {
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
    expect(
      await refusal(end('approve', held, await createMachine(world, ['security_officer']))),
    ).toMatchObject({
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

  test('of two simultaneous approvals one is executed', async () => {
    const held = await one.call<Held>('POST', '/v1/operators', await newcomer())
    const third = await world.operator(`security.${++count}`, ['security_officer'])
    const outcomes = await Promise.all([
      refusal(end('approve', held, two)),
      refusal(end('approve', held, third)),
    ])
    expect(outcomes.filter((error) => error === undefined)).toHaveLength(1)
  })

  test('an impossible request is refused at once, and one that is impossible at approval stays pending', async () => {
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

  test('the other can decline a request, the requester can withdraw it, and it expires after seven days', async () => {
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

  test('a request ends when its requester is disabled', async () => {
    const held = await one.call<Held>('POST', '/v1/operators', await newcomer())
    const { id } = await one.call<{ id: string }>('GET', '/v1/whoami')
    await two.call('POST', `/v1/operators/${id}/disable`, { reason: 'left' })
    expect(await refusal(end('approve', held, two))).toMatchObject({ code: 'state_conflict' })
  })

  test('roles and number change when the other approves; no old value remains', async () => {
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
    const { id: engine } = await createMachine(world, ['viewer'])
    expect(
      await refusal(one.call('PATCH', `/v1/operators/${engine}`, { citizen_id: newNumber() })),
    ).toMatchObject({
      code: 'state_conflict',
    })
  })

  test('only the person can add the person’s key, and officers can remove it', async () => {
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

  test('an officer who asks for a machine’s key cannot approve requests of that machine', async () => {
    const robot = await createMachine(world, ['mapping_officer'])
    const officerId = `both.${++count}`
    const officer = await world.operator(officerId, ['security_officer', 'mapping_officer'])
    const path = `/v1/operators/${robot.id}/key`
    const { publicKey, client } = await freshKey(world)
    expect(await refusal(robot.call('PUT', path, { public_key: publicKey }))).toMatchObject({
      code: 'forbidden',
    })
    expect(await refusal(officer.call('PUT', path, { public_key: null }))).toMatchObject({
      code: 'state_conflict',
    })
    await end('approve', await officer.call<Held>('PUT', path, { public_key: publicKey }), two)
    const { question } = await doubt('dung')
    const approval = await confirm(question, client(robot.id))
    expect(await refusal(approve(approval, officer))).toMatchObject({ code: 'second_person_needed' })
    await approve(approval)
  })

  test('an officer who asked for a machine cannot approve its requests, even if another approved the machine', async () => {
    const officer = await world.operator(`both.${++count}`, ['security_officer', 'mapping_officer'])
    const { publicKey, client } = await freshKey(world)
    const id = `robot.${++count}`
    const body = { id, roles: ['mapping_officer'], public_key: publicKey }
    await end('approve', await officer.call<Held>('POST', '/v1/operators', body), two)
    const { question } = await doubt('khoi')
    const approval = await confirm(question, client(id))
    expect(await refusal(approve(approval, officer))).toMatchObject({ code: 'second_person_needed' })
  })

  test('a disabled operator is enabled again when the other approves', async () => {
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
