/** A portal is handed over to another, which gets its accounts, links and identifiers unchanged. */
import { expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import type { Change } from '../support/portals/callers.ts'
import { createVouching, farAway } from '../support/portals/vouching.ts'
import { type RehomePortal, idsOf, openRehoming } from '../support/registry/rehoming.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld()
const { rehome, newPortal } = await openRehoming(world)
const inForce = () => world.refresh()

test('a new portal has the same sub for every citizen as the old one, and has the old accounts', async () => {
  const [old, next] = [await newPortal(), await newPortal()]
  await old.account('old-an', 'an')
  await old.account('old-binh', 'binh')
  const [an, elsewhere] = [await old.enter('an'), await (await newPortal()).enter('an')]
  expect(an.sub).not.toBe(elsewhere.sub)
  expect(await rehome(old.id, next.id)).toMatchObject({ subs: 'old' })
  await inForce()

  const moved = await next.enter('an')
  expect(moved.sub).toBe(an.sub)
  expect(moved.idToken).toBe(an.sub)
  expect(moved).not.toHaveProperty('former_sub')
  expect(moved['legacy_accounts']).toMatchObject([
    { id: 'old-an', portal: old.id, method: 'attested_number', primary: false },
  ])
  // This citizen never signed in at the old portal: the old account is linked here.
  const binh = await next.enter('binh')
  expect(idsOf(binh)).toEqual([`${old.id}/old-binh`])
  // The old portal still works, unchanged.
  const still = await old.enter('binh')
  expect(still.sub).toBe(binh.sub)
  expect(still['legacy_accounts']).toMatchObject([{ id: 'old-binh' }])
  expect((still['legacy_accounts'] as object[])[0]).not.toHaveProperty('portal')
})

test('a portal with its own persons keeps their subs, and receives their subs of the old portal', async () => {
  const [old, next] = [await newPortal(), await newPortal()]
  const [there, here] = [await old.enter('an'), await next.enter('an')]
  expect(here).not.toHaveProperty('former_sub')
  expect(await rehome(old.id, next.id)).toMatchObject({ subs: 'own' })
  await inForce()
  const moved = await next.enter('an')
  expect(moved.sub).toBe(here.sub)
  expect(moved['former_sub']).toEqual({ [old.id]: there.sub })
  expect(await old.enter('an')).not.toHaveProperty('former_sub')
})

test('former_sub is sent with any set of permitted claims, and for public subs as well', async () => {
  const [old, next] = [
    await newPortal({ subject_type: 'public' }),
    await newPortal({ policy: { claims: ['name'] } }),
  ]
  const [there, here] = [await old.enter('an'), await next.enter('an')]
  await rehome(old.id, next.id)
  await inForce()
  const moved = await next.enter('an')
  expect(moved).toMatchObject({ sub: here.sub, former_sub: { [old.id]: there.sub } })

  const [open, fresh] = [await newPortal({ subject_type: 'public' }), await newPortal()]
  const publicly = await open.enter('an')
  expect(await rehome(open.id, fresh.id)).toMatchObject({ subs: 'old' })
  await inForce()
  expect((await fresh.enter('an')).sub).toBe(publicly.sub)
})

test('if two portals are handed over to one, it takes the subs of the first and receives those of the second', async () => {
  const [first, second, next] = [await newPortal(), await newPortal(), await newPortal()]
  await first.account('same-id', 'an')
  await second.account('same-id', 'an')
  const [atFirst, atSecond] = [await first.enter('an'), await second.enter('an')]
  expect(await rehome(first.id, next.id)).toMatchObject({ subs: 'old' })
  expect(await rehome(second.id, next.id)).toMatchObject({ subs: 'own' })
  await inForce()
  const moved = await next.enter('an')
  expect(moved).toMatchObject({ sub: atFirst.sub, former_sub: { [second.id]: atSecond.sub } })
  expect(moved['former_sub']).not.toHaveProperty(first.id)
  // Accounts with one id stay distinct by their original portal.
  await next.account('same-id', 'an')
  expect(idsOf(await next.enter('an'))).toEqual(
    ['same-id', `${first.id}/same-id`, `${second.id}/same-id`].toSorted(),
  )
})

test("an old account is linked by the old portal's rules, not by the new one's", async () => {
  const trusting = { policy: { mapping: { unattested_match: true } } }
  const { name, birthDate } = citizenNamed('binh') as { name: string; birthDate: string }
  const person = { attested: false, name, birth_date: birthDate }
  const [old, strict] = [await newPortal(trusting), await newPortal()]
  await old.account('unattested', 'binh', person)
  const [oldStrict, next] = [await newPortal(), await newPortal(trusting)]
  await oldStrict.account('unattested', 'binh', person)
  await rehome(old.id, strict.id)
  await rehome(oldStrict.id, next.id)
  await inForce()
  expect(idsOf(await strict.enter('binh'))).toEqual([`${old.id}/unattested`])
  expect(idsOf(await next.enter('binh'))).toEqual([])
  const cases = await world.db.query<{ client: string }>(
    `select client_id as client from review_case where outcome is null and client_id = any($1::text[])`,
    [[oldStrict.id, next.id]],
  )
  expect(cases).toEqual([{ client: oldStrict.id }])
})

test("the new portal vouches for an old account, within the old portal's time limits", async () => {
  const vouching = createVouching(world)
  const [old, next] = [await vouching.open(farAway), await vouching.open({ former_portals: true })]
  await old.account('old-number', { citizen_id: citizenNamed('an').number })
  await old.account('no-number')
  await next.account('locked')
  await rehome(old.clientId, next.clientId)
  await inForce()
  const of = { legacy_account_portal: old.clientId }
  const linked = await vouching.wayThrough(next, 'an', 'no-number', 'link', of)
  expect(linked).toMatchObject({ told: { id: 'no-number', portal: old.clientId, outcome: 'linked' } })
  expect(linked.person['legacy_accounts']).toMatchObject([{ id: 'no-number', portal: old.clientId }])
  expect(await vouching.linksOf(old)).toMatchObject([{ method: 'portal_word' }])
  expect(await vouching.linksOf(next)).toEqual([])
  // The audit records which portal vouched.
  expect(await vouching.linksOf(old)).toMatchObject([{ evidence: { portal: next.clientId } }])
  const [told] = await world.db.query<{ detail: object }>(
    `select detail from audit_event where event = 'link.created' and client_id = $1 and detail->>'method' = 'portal_word'`,
    [old.clientId],
  )
  expect(told!.detail).toMatchObject({ via: next.clientId })
})

test('if two accounts have one id, vouching applies to the one that is named, or to none', async () => {
  const vouching = createVouching(world)
  const [old, next] = [
    await vouching.open(farAway, { client_name: 'Cổng cũ & nhỏ' }),
    await vouching.open({ ...farAway, former_portals: true }),
  ]
  for (const at of [old, next]) for (const id of ['123', '124']) await at.account(id)
  await old.account('only-old')
  await rehome(old.clientId, next.clientId)
  await inForce()
  for (const id of ['123', 'only-old']) {
    const silent = await vouching.vouch(next, 'an', id)
    const { told } = await vouching.learn(next, silent, silent.page)
    expect(told).toEqual({ id, outcome: 'refused', reason: 'ambiguous' })
  }
  const stranger = await vouching.vouch(next, 'an', '123', { legacy_account_portal: 'portal-of-others' })
  expect((await vouching.learn(next, stranger, stranger.page)).told).toMatchObject({
    reason: 'unknown_account',
  })
  expect([await vouching.linksOf(old), await vouching.linksOf(next)]).toEqual([[], []])

  const ofOld = await vouching.wayThrough(next, 'an', '123', 'link', { legacy_account_portal: old.clientId })
  expect(ofOld.page.body).toContain('<dd><bdi>Cổng cũ &amp; nhỏ</bdi></dd>')
  expect(ofOld.told).toEqual({ id: '123', portal: old.clientId, outcome: 'linked' })
  expect(await vouching.linksOf(old)).toHaveLength(1)
  expect(await vouching.linksOf(next)).toEqual([])

  const ofOwn = await vouching.wayThrough(next, 'an', '124', 'link', { legacy_account_portal: next.clientId })
  expect(ofOwn.page.body).not.toContain('Cổng cũ')
  expect(ofOwn.told).toEqual({ id: '124', outcome: 'linked' })
  expect(await vouching.linksOf(old)).toHaveLength(1)
  expect(await vouching.linksOf(next)).toHaveLength(1)
})

test("the portal's API returns and marks old accounts, and the feed covers both portals from any cursor", async () => {
  const [old, next] = [await newPortal(), await newPortal()]
  await old.account('one', 'an')
  await old.account('both', 'an')
  await next.account('both', 'an')
  await old.enter('an')
  const { sub } = await next.enter('an')
  const api = await next.api()
  const before = await api.changes()
  expect(before.changes).toMatchObject([{ id: 'both', change: 'linked', sub }])
  expect(before.next).toMatch(/^1~[0-9a-f]{16}$/)

  await rehome(old.id, next.id)
  await inForce()
  // Without a portal in the request, the answer has only its own accounts.
  for (const what of ['state', 'primary']) expect((await api.tell(what, { id: 'one' })).status).toBe(404)
  const one = await api.tell('state', { id: 'one', portal: old.id })
  expect(one.body).toMatchObject({ id: 'one', portal: old.id, state: 'linked', sub })
  expect((await api.stateOf('both')).body).not.toHaveProperty('portal')
  const there = await api.tell('state', { id: 'both', portal: old.id })
  expect(there.body).toMatchObject({ id: 'both', portal: old.id, sub })
  expect((await api.tell('state', { id: 'one', portal: next.id })).status).toBe(404)
  expect((await api.tell('state', { id: 'one', portal: 'portal-of-others' })).status).toBe(404)
  expect((await api.tell('primary', { id: 'both', portal: old.id })).body).toMatchObject({ primary: true })
  expect((await api.stateOf('both')).body).toMatchObject({ primary: false })

  // Changes that the old feed had not sent yet come as new ones, and a portal that starts over reads all.
  const after = await follow(api, before.next)
  const named = ({ change, id, portal }: Change & { portal?: string }) => `${change} ${portal ?? ''}/${id}`
  const told = after.map(named)
  expect(told.slice(0, 2).toSorted()).toEqual([`linked ${old.id}/both`, `linked ${old.id}/one`])
  expect(told.slice(2)).toEqual([`primary ${old.id}/both`])
  const all = await follow(api, '0')
  expect(all.map(named)).toEqual([...before.changes, ...after].map(named))
  // Each cursor continues after its change, with any later changes on either side.
  await next.account('later', 'an')
  await next.enter('an')
  for (const [index, { cursor }] of all.entries())
    expect((await follow(api, cursor)).map(({ id }) => id).toSorted()).toEqual(
      [...all.slice(index + 1).map(({ id }) => id), 'later'].toSorted(),
    )
  const malformed = ['.', '.x-1', '.0-1', '.1', '-1', '.1-01'].map((rest) => `${before.next}${rest}`)
  for (const bad of ['9', ...malformed])
    expect(await api.call(`changes?after=${bad}`)).toMatchObject({ status: 400 })
  const elsewhere = `changes?after=0.${all.at(-1)!.cursor.split('.')[1]!.replace('~', '9~')}`
  expect(await api.call(elsewhere)).toMatchObject({ status: 410, body: { code: 'cursor_gone' } })
  // The maximum number of sources; ended sources are omitted.
  const many = `${before.next}${Array.from({ length: 60 }, (_, index) => `.${900_000 + index}-1~0123456789abcdef`).join('')}`
  const { next: cleaned } = await api.changes(`?after=${many}&limit=1`)
  expect(cleaned).not.toContain('.9000')
  // The old portal reads only its own changes.
  expect((await (await old.api()).changes()).changes.map(({ id }) => id).toSorted()).toEqual([
    'both',
    'both',
    'one',
  ])
})

type Follower = Awaited<ReturnType<RehomePortal['api']>>
/** Page by page, one change each. */
async function follow(api: Follower, after: string): Promise<(Change & { portal?: string })[]> {
  const page = await api.changes(`?after=${after}&limit=1`)
  const rest = page.more ? await follow(api, page.next) : []
  return [...(page.changes as (Change & { portal?: string })[]), ...rest]
}
