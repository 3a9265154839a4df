/** Attempts to avoid the second person. None of them works. */
import { beforeAll, describe, expect, inject, test } from 'vitest'
import type { AdminClient } from '../../src/cli/client.ts'
import { createMachine, freshKey } from '../support/operators/machines.ts'
import { openOffice, refusal } from '../support/operators/officers.ts'
import { newNumber } from '../support/operators/operators.ts'

const { world, doubt, confirm, approve } = await openOffice()
let count = 0

interface Held {
  readonly approval: string
}
const end = (what: 'approve' | 'decline', { approval }: Held, by: AdminClient) =>
  by.call('POST', `/v1/approvals/${approval}/${what}`)
const waiting = async (by: AdminClient) =>
  (
    await by.call<{ approvals: { id: string; asks: Record<string, unknown> }[] }>(
      'GET',
      '/v1/approvals?limit=1000',
    )
  ).approvals
const isHeld = { approval: expect.any(String) }
const audited = (event: string, id: string) =>
  world.db.query<{ detail: object }>(
    `select detail from audit_event where event = $1 and $2 in (detail->>'operator', detail->>'approval')`,
    [event, id],
  )

let one: AdminClient
let two: AdminClient
beforeAll(async () => {
  one = await world.operator('security.one', ['security_officer'])
  two = await world.operator('security.two', ['security_officer'])
})

describe('a machine', () => {
  test('cannot ask for a machine or a machine’s key, which would hide its creator behind two steps', async () => {
    const robot = await createMachine(world, ['security_officer'])
    const { publicKey } = await freshKey(world)
    const body = { id: 'robots.robot', roles: ['viewer'] }
    expect(
      await refusal(robot.call('POST', '/v1/operators', { ...body, public_key: publicKey })),
    ).toMatchObject({ code: 'forbidden' })
    const { id } = await createMachine(world, ['viewer'])
    expect(
      await refusal(robot.call('PUT', `/v1/operators/${id}/key`, { public_key: publicKey })),
    ).toMatchObject({ code: 'forbidden' })
    expect(await robot.call('POST', '/v1/operators', { ...body, citizen_id: newNumber() })).toMatchObject(
      isHeld,
    )
  })

  test('keeps its request barred to the officer of its key at that time, even after another made a new key', async () => {
    const officer = await world.operator('both.held', ['security_officer', 'mapping_officer'])
    const robot = await createMachine(world, ['mapping_officer', 'security_officer'])
    const path = `/v1/operators/${robot.id}/key`
    const { publicKey, client } = await freshKey(world)
    await end('approve', await officer.call<Held>('PUT', path, { public_key: publicKey }), two)
    const { question } = await doubt('binh')
    const approval = await confirm(question, client(robot.id))
    const held = await client(robot.id).call<Held>('POST', '/v1/operators', {
      id: 'of.a.robot',
      roles: ['viewer'],
      citizen_id: newNumber(),
    })
    const next = await freshKey(world)
    await end('approve', await one.call<Held>('PUT', path, { public_key: next.publicKey }), two)
    expect(await refusal(approve(approval, officer))).toMatchObject({ code: 'second_person_needed' })
    expect(await refusal(end('approve', held, officer))).toMatchObject({ code: 'second_person_needed' })
    await approve(approval)
    await end('approve', held, two)
  })
})

test.skipIf(inject('databaseUrl') === undefined)(
  'a two-person request does not wait for other writes about operators',
  async () => {
    const body = { id: 'not.waiting', roles: ['viewer'], citizen_id: newNumber() }
    await world.db.transaction(async (tx) => {
      await tx.query(`update operator set last_seen_at = now() where id = 'officer.one'`)
      expect(await one.call('POST', '/v1/operators', body)).toMatchObject(isHeld)
    })
  },
)

test.each([
  ['is disabled', `disabled_at = now(), disabled_by = 'x', disabled_reason = 'x'`],
  ['has lost the role', `roles = '{viewer}'`],
])('an approval about an account is given by nobody once who asked for it %s', async (_, change) => {
  const id = `officer.${++count}`
  const asker = await world.operator(id, ['mapping_officer'])
  const { question } = await doubt(count % 2 === 0 ? 'an' : 'dung')
  const approval = await confirm(question, asker)
  await world.db.query(`update operator set ${change} where id = $1`, [id])
  expect(await refusal(approve(approval))).toMatchObject({ code: 'state_conflict' })
  const other = await world.operator(`officer.${++count}`, ['mapping_officer'])
  await other.call('POST', `/v1/approvals/${approval}/decline`)
})

describe('other roles', () => {
  test('are shown beside the present ones, and are not granted if those have changed since', async () => {
    const id = `changing.${++count}`
    await world.operator(id, ['viewer'])
    const path = `/v1/operators/${id}`
    const early = await one.call<Held>('PATCH', path, { roles: ['auditor'] })
    const late = await one.call<Held>('PATCH', path, { roles: ['registrar'] })
    const [shown] = (await waiting(two)).filter((each) => each.id === early.approval)
    expect(shown!.asks).toEqual({ id, roles: ['auditor'], present_roles: ['viewer'] })
    await end('approve', late, two)
    expect(await refusal(end('approve', early, two))).toMatchObject({ code: 'state_conflict' })
    await end('decline', early, two)
  })

  test('and all other requests keep their requester, subject and outcome in the record', async () => {
    const id = `asked.${++count}`
    const body = { id, roles: ['auditor'], citizen_id: newNumber() }
    const held = await one.call<Held>('POST', '/v1/operators', body)
    await end('decline', held, two)
    expect(await audited('approval.asked', held.approval)).toMatchObject([
      { detail: { operator: id, roles: ['auditor'] } },
    ])
  })
})

test('the history of an operator says why access was removed and restored', async () => {
  const id = `barred.${++count}`
  await world.operator(id, ['viewer'])
  await one.call('POST', `/v1/operators/${id}/disable`, { reason: 'the card was lost' })
  const back = await one.call<Held>('POST', `/v1/operators/${id}/enable`, { reason: 'a new card' })
  await end('approve', back, two)
  const { changes } = await two.call<{ changes: object[] }>('GET', `/v1/operators/${id}/history`)
  expect(changes).toMatchObject([
    { action: 'created', actor: 'local', roles: ['viewer'] },
    { action: 'disabled', actor: 'security.one', reason: 'the card was lost' },
    { action: 'enabled', actor: 'security.two', asked_by: 'security.one', reason: 'a new card' },
  ])
  expect(await refusal(two.call('GET', '/v1/operators/nobody.here/history'))).toMatchObject({
    code: 'not_found',
  })
})

test('only the operators concerned can see and end a pending request', async () => {
  const held = await one.call<Held>('POST', '/v1/operators', {
    id: `asked.${++count}`,
    roles: ['viewer'],
    citizen_id: newNumber(),
  })
  const isShown = async (by: AdminClient) => (await waiting(by)).some(({ id }) => id === held.approval)
  for (const role of ['viewer', 'registrar', 'mapping_officer'] as const) {
    const other = await world.operator(`other.${role}`, [role])
    expect([role, await isShown(other)]).toEqual([role, false])
    expect(await refusal(end('decline', held, other))).toMatchObject({ code: 'forbidden' })
  }
  const auditor = await world.operator('other.auditor', ['auditor'])
  expect(await isShown(auditor)).toBe(true)
  expect(await refusal(end('decline', held, auditor))).toMatchObject({ code: 'forbidden' })
  expect(await isShown(two)).toBe(true)
  await end('decline', held, two)
})
