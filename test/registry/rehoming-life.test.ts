/** Who can hand a portal over, what prevents it, how to undo it until its last day, and what happens afterwards. */
import { expect, test, vi } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'
import { completeDueRehomes } from '../../src/registry/rehome.ts'
import { openRegistry } from '../../src/registry/registry.ts'
import { runAs } from '../support/operators/command.ts'
import { type RehomePortal, idsOf, inDays, oneDay, openRehoming } from '../support/registry/rehoming.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld({ periods: { renewal: 50, figures: 50 } })
const { registrar, colleague, ask, rehome, undo, newPortal } = await openRehoming(world)
const inForce = () => world.refresh()

test('no portal can be handed over to one that does not declare that it distinguishes portals', async () => {
  const [old, next] = [await newPortal(), await newPortal({ policy: { mapping: { former_portals: false } } })]
  await expect(rehome(old.id, next.id)).rejects.toMatchObject({
    code: 'state_conflict',
    detail: expect.stringContaining('former_portals') as string,
  })
})

test('a portal with laxer admission than another cannot take its accounts, or keep them after such a change', async () => {
  const strict = { policy: { minimum_level: 2 } }
  const [old, weak, wide] = [
    await newPortal(strict),
    await newPortal(),
    await newPortal({ policy: { minimum_level: 2, kinds: ['citizen', 'foreigner'] } }),
  ]
  for (const { id } of [weak, wide])
    await expect(rehome(old.id, id)).rejects.toMatchObject({ code: 'state_conflict' })
  const next = await newPortal(strict)
  await old.account('old-an', 'an')
  await rehome(old.id, next.id)
  await inForce()
  expect(idsOf(await next.enter('an'))).toEqual([`${old.id}/old-an`])
  // This holds across another portal, too.
  await expect(rehome(next.id, weak.id)).rejects.toMatchObject({ code: 'state_conflict' })

  await world.db.query(
    `update client set metadata = jsonb_set(metadata, '{policy,minimum_level}', '1'), version = version + 1 where id = $1`,
    [next.id],
  )
  await inForce()
  expect(idsOf(await next.enter('an'))).toEqual([])
  const api = await next.api()
  expect((await api.tell('state', { id: 'old-an', portal: old.id })).status).toBe(404)
  expect((await api.changes()).changes).toEqual([])
})

test('one registrar alone cannot hand a portal over', async () => {
  const [old, next] = [await newPortal(), await newPortal()]
  const held = await ask(old.id, next.id)
  expect(held).toEqual({ approval: expect.any(String) as string, expires_at: expect.any(String) as string })
  const standing = () => world.db.query('select from client_rehome where old_client = $1', [old.id])
  expect(await standing()).toEqual([])
  await expect(registrar.call('POST', `/v1/approvals/${held.approval}/approve`)).rejects.toMatchObject({
    code: 'second_person_needed',
  })
  await colleague.call('POST', `/v1/approvals/${held.approval}/approve`)
  expect(await standing()).toHaveLength(1)
  const [told] = await world.db.query<{ actor: string; detail: object }>(
    `select actor, detail from audit_event where event = 'client.rehomed' and client_id = $1`,
    [old.id],
  )
  expect(told).toMatchObject({ actor: 'rosa.registrar', detail: { asked_by: 'rita.registrar' } })
})

test('undoing restores the earlier state, and links made meanwhile stay at the old portal', async () => {
  const [old, next] = [await newPortal(), await newPortal()]
  await old.account('old-an', 'an')
  const an = await old.enter('an')
  await rehome(old.id, next.id)
  await inForce()
  await old.account('old-binh', 'binh')
  expect(idsOf(await next.enter('binh'))).toEqual([`${old.id}/old-binh`])
  const api = await next.api()
  const { next: cursor } = await api.changes()

  await undo(old.id)
  await inForce()
  const back = await next.enter('an')
  expect(back.sub).not.toBe(an.sub)
  expect(idsOf(back)).toEqual([])
  expect((await api.stateOf('old-an')).status).toBe(404)
  expect((await api.changes(`?after=${cursor}`)).changes).toEqual([])
  expect(idsOf(await old.enter('binh'))).toEqual(['old-binh'])
  expect((await old.enter('an')).sub).toBe(an.sub)
  await expect(undo(old.id)).rejects.toMatchObject({ code: 'state_conflict' })
  const links = await world.db.query(
    `select account_id from account_link where unlinked_at is null and client_id = $1`,
    [old.id],
  )
  expect(links).toHaveLength(2)
})

test('if a handover is begun by mistake, undone and begun again, every sub stays the same', async () => {
  const [old, next] = [await newPortal(), await newPortal()]
  const an = await old.enter('an')
  await rehome(old.id, next.id)
  await inForce()
  expect((await next.enter('an')).sub).toBe(an.sub)
  await undo(old.id)
  expect(await rehome(old.id, next.id)).toMatchObject({ subs: 'old' })
  await inForce()
  expect((await next.enter('an')).sub).toBe(an.sub)
})

test('a person who signed in long ago counts, even if the audit no longer has the sign-in', async () => {
  const [old, next, third] = [await newPortal(), await newPortal(), await newPortal()]
  await next.enter('an')
  const firstPerson = async ({ id }: RehomePortal) =>
    (
      await world.db.query<{ at: Date | null }>('select first_person_at as at from client where id = $1', [
        id,
      ])
    )[0]!.at
  await vi.waitFor(async () => expect(await firstPerson(next)).not.toBeNull(), {
    timeout: 12_000,
    interval: 10,
  })
  expect(await firstPerson(third)).toBeNull()
  const aged = `update audit_event set at = at - interval '1 hour' where event = 'login.completed' and client_id = $1`
  await world.db.query(aged, [next.id])
  expect(await rehome(old.id, next.id)).toMatchObject({ subs: 'own' })
  expect(await rehome(next.id, third.id)).toMatchObject({ subs: 'old' })
})

test('after its last day the old portal is out of service on every node by the clock, and retired', async () => {
  const [old, next] = [await newPortal(), await newPortal()]
  await old.account('old-an', 'an')
  const an = await old.enter('an')
  await rehome(old.id, next.id, inDays(0))
  await inForce()
  expect(await old.isShut()).toBe(false)
  const tomorrow = await openRegistry({ db: world.db, now: () => Date.now() + oneDay })
  expect(await tomorrow.find(old.id)).toBeUndefined()
  expect(tomorrow.isOutOfService(old.id)).toBe(true)
  expect(await tomorrow.find(next.id)).toBeDefined()
  tomorrow.close()

  // The day passes.
  await world.db.query('update client_rehome set until = until - 1 where old_client = $1', [old.id])
  await world.db.query('update client set version = version + 1 where id = $1', [old.id])
  await vi.waitFor(async () => expect(await old.isShut()).toBe(true), { timeout: 5_000, interval: 10 })
  await expect(undo(old.id)).rejects.toMatchObject({ code: 'state_conflict' })
  const log = createLog({ level: 'silent' })
  await Promise.all([completeDueRehomes({ db: world.db, log }), completeDueRehomes({ db: world.db, log })])
  const { state } = await registrar.call<{ state: string }>('GET', `/v1/clients/${old.id}`)
  expect(state).toBe('retired')
  const { changes } = await registrar.call<{ changes: { action: string; actor: string }[] }>(
    'GET',
    `/v1/clients/${old.id}/history`,
  )
  expect(changes.slice(-2)).toMatchObject([
    { action: 'rehomed', actor: 'rosa.registrar' },
    { action: 'rehome_completed', actor: 'system' },
  ])
  const audit = await world.db.query<{ event: string }>(
    `select event from audit_event where client_id = $1 and event like 'client.rehome%' order by id`,
    [old.id],
  )
  expect(audit.map(({ event }) => event)).toEqual(['client.rehomed', 'client.rehome_completed'])

  await inForce()
  const moved = await next.enter('an')
  expect(moved.sub).toBe(an.sub)
  expect(idsOf(moved)).toEqual([`${old.id}/old-an`])
  await expect(undo(old.id)).rejects.toMatchObject({ code: 'state_conflict' })
})

test('after two handovers in a chain the third portal has the accounts and subs of all', async () => {
  const [first, second, third] = [await newPortal(), await newPortal(), await newPortal()]
  await first.account('from-first', 'an')
  await second.account('from-second', 'an')
  const an = await first.enter('an')
  await rehome(second.id, third.id)
  await rehome(first.id, second.id)
  await inForce()
  // The second had taken the first one's subs since, so the third gets the subs that the second used.
  const atThird = await third.enter('an')
  expect(idsOf(atThird)).toEqual([`${first.id}/from-first`, `${second.id}/from-second`].toSorted())
  expect(idsOf(await second.enter('an'))).toEqual([`${first.id}/from-first`, 'from-second'].toSorted())
  expect((await second.enter('an')).sub).toBe(an.sub)
  expect(atThird['former_sub']).toEqual({ [first.id]: an.sub, [second.id]: an.sub })

  const [a, b, c] = [await newPortal(), await newPortal(), await newPortal()]
  const atA = await a.enter('an')
  await rehome(a.id, b.id)
  expect(await rehome(b.id, c.id)).toMatchObject({ subs: 'old' })
  await inForce()
  expect((await c.enter('an')).sub).toBe(atA.sub)
  // A handover that a later one builds on can only be undone after the later one.
  await expect(undo(a.id)).rejects.toMatchObject({ code: 'state_conflict' })
  await undo(b.id)
  await undo(a.id)

  // This holds also if the later one reports them as former subs.
  const [d, e, f] = [await newPortal(), await newPortal(), await newPortal()]
  await f.enter('an')
  await rehome(d.id, e.id)
  expect(await rehome(e.id, f.id)).toMatchObject({ subs: 'own' })
  await expect(undo(d.id)).rejects.toMatchObject({ code: 'state_conflict' })
})

test('an invalid handover is refused with the reason', async () => {
  const [a, b, c] = [await newPortal(), await newPortal(), await newPortal()]
  const conflict = (why: string) => ({
    code: 'state_conflict',
    detail: expect.stringContaining(why) as string,
  })
  await expect(rehome(a.id, a.id)).rejects.toMatchObject(conflict('into itself'))
  await expect(rehome(a.id, 'nobody')).rejects.toMatchObject({ code: 'input_invalid' })
  await expect(rehome('nobody', a.id)).rejects.toMatchObject({ code: 'input_invalid' })
  for (const day of [inDays(-1), inDays(1_200), '2026-02-30', 'tomorrow'])
    await expect(rehome(a.id, b.id, day)).rejects.toMatchObject({ code: 'input_invalid' })

  await registrar.call('POST', `/v1/clients/${c.id}/suspend`, { reason: 'for the test' })
  await expect(rehome(a.id, c.id)).rejects.toMatchObject(conflict('is not active'))
  await registrar.call('POST', `/v1/clients/${c.id}/activate`, { reason: 'for the test' })
  await rehome(a.id, b.id)
  await expect(rehome(a.id, c.id)).rejects.toMatchObject(conflict(`already re-homed into ${b.id}`))
  await expect(rehome(b.id, a.id)).rejects.toMatchObject(conflict('itself'))
  await rehome(b.id, c.id)
  await expect(rehome(c.id, a.id)).rejects.toMatchObject(conflict('itself'))

  const [d, e] = [await newPortal(), await newPortal()]
  const both = await Promise.allSettled([rehome(d.id, e.id), rehome(e.id, d.id)])
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
})

test('the commands describe what happens', async () => {
  const [old, next] = [await newPortal(), await newPortal()]
  async function cli(name: string, args: readonly string[] = [], options = {}) {
    return { out: await runAs(registrar, name, args, options) }
  }
  const begun = await cli('client rehome', [old.id, next.id], { until: inDays(30), reason: 'merged' })
  expect(begun.out).toContain('waits for a second person: ')
  await colleague.call('POST', `/v1/approvals/${begun.out.split(': ')[1]!}/approve`)
  expect((await cli('client rehome list')).out).toContain(
    `${old.id} → ${next.id}  until ${inDays(30)}  under way  every sub stays`,
  )
  expect((await cli('client rehome undo', [old.id])).out).toContain(
    `undone: ${old.id} is no longer handed over to ${next.id}`,
  )
  expect((await cli('client rehome list')).out).toMatch(new RegExp(`${old.id} → ${next.id} .* undone`))
})
