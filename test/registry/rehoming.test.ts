/** A portal goes over into another: accounts, links and identifiers stay what they were, and until a day all of it can be undone. */
import { expect, test, vi } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'
import { vietnamDate } from '../../src/vietnam-date.ts'
import { completeDueRehomes } from '../../src/registry/rehome.ts'
import { openRegistry } from '../../src/registry/registry.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { runAs } from '../support/operators/command.ts'
import { type Change, createCallers, grants } from '../support/portals/callers.ts'
import { encode, wish } from '../support/wire.ts'
import { createVouching, farAway } from '../support/portals/vouching.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const registrar = await world.operator('rita.registrar', ['registrar'])
const colleague = await world.operator('rosa.registrar', ['registrar'])
const callers = createCallers(world)
const oneDay = 86_400_000
const inDays = (days: number) => vietnamDate(Date.now() + days * oneDay)
const within5s = { timeout: 5_000, interval: 100 }

interface Rehome {
  readonly id: string
  readonly subs: 'old' | 'own'
}
interface Held {
  readonly approval: string
}
const ask = (from: string, into: string, until = inDays(30)) =>
  registrar.call<Held>('POST', '/v1/rehomes', {
    old_client: from,
    new_client: into,
    until,
    reason: 'the provinces have merged',
  })
/** One asks, another approves. */
async function rehome(from: string, into: string, until?: string): Promise<Rehome> {
  const { approval } = await ask(from, into, until)
  await colleague.call('POST', `/v1/approvals/${approval}/approve`)
  const { rehomes } = await registrar.call<{ rehomes: (Rehome & { old_client: string })[] }>(
    'GET',
    '/v1/rehomes?limit=1000',
  )
  return rehomes.find(({ old_client: id }) => id === from)!
}
const undo = (from: string) => registrar.call<Rehome>('POST', `/v1/rehomes/${from}/undo`)

let count = 0
/** Each of a host, and so of a sector, of its own. */
async function newPortal(changes: Record<string, unknown> = {}) {
  const id = `move-${++count}`
  const redirectUri = `http://127.0.0.1:${20_000 + count}/cb`
  const given = (changes['policy'] ?? {}) as { mapping?: object }
  const policy = { ...given, mapping: { former_portals: true, ...given.mapping } }
  await world.register(
    portalDefinition(id, { redirect_uris: [redirectUri], grant_types: grants, ...changes, policy }),
  )
  const portal = await world.portal({
    clientId: id,
    redirectUri,
    scope: 'openid profile legacy_accounts',
  })
  return {
    id,
    redirectUri,
    account: (accountId: string, citizen: string, more: { attested?: boolean; name?: string } = {}) =>
      world.legacyAccount({ clientId: id, accountId, number: citizenNamed(citizen).number, ...more }),
    async enter(citizen: string) {
      world.simulator.approve(citizen)
      const { claims, tokens } = await portal.signIn({}, createVisitor())
      const told = await portal.userinfo(tokens.access_token)
      const heard: Record<string, unknown> & { sub: string; idToken: unknown } = {
        ...told,
        idToken: claims.sub,
      }
      return heard
    },
    async api() {
      const { body } = await callers.tokenOf(id)
      return callers.at(id, { authorization: `Bearer ${String(body['access_token'])}` })
    },
    isShut: async () => {
      const asked = wish(id, { redirect_uri: redirectUri })
      const { status } = await fetch(`${world.issuer}/auth?${encode(asked)}`, { redirect: 'manual' })
      return status === 403
    },
  }
}
type Portal = Awaited<ReturnType<typeof newPortal>>

const inForce = () => world.refresh()
const idsOf = (told: Record<string, unknown>) =>
  (told['legacy_accounts'] as { id: string; portal?: string }[])
    .map(({ id, portal }) => (portal === undefined ? id : `${portal}/${id}`))
    .toSorted()

test('a new portal knows every citizen by the very sub of the old one, and has the old accounts', async () => {
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
  // One who never came to the old one: the old account is linked here.
  const binh = await next.enter('binh')
  expect(idsOf(binh)).toEqual([`${old.id}/old-binh`])
  // The old one goes on, as it was.
  const still = await old.enter('binh')
  expect(still.sub).toBe(binh.sub)
  expect(still['legacy_accounts']).toMatchObject([{ id: 'old-binh' }])
  expect((still['legacy_accounts'] as object[])[0]).not.toHaveProperty('portal')
})

test('a portal with persons of its own keeps their subs, and is told what they were at the old one', async () => {
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

test('former_sub is told whatever claims the portal was allowed, and for public subs as well', async () => {
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

test('two portals go over into one: it takes the subs of the first, and hears those of the second', async () => {
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
  // Accounts of one name stay apart by where they come from.
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

test("the new portal vouches for an old account, under the old portal's days", async () => {
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
  // Whose word it was.
  expect(await vouching.linksOf(old)).toMatchObject([{ evidence: { portal: next.clientId } }])
  const [told] = await world.db.query<{ detail: object }>(
    `select detail from audit_event where event = 'link.created' and client_id = $1 and detail->>'method' = 'portal_word'`,
    [old.clientId],
  )
  expect(told!.detail).toMatchObject({ via: next.clientId })
})

test('of two accounts of one id a portal’s word is about the one it names, and about none where it names none', async () => {
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

test('a portal that does not declare that it tells portals apart has no other go over into it', async () => {
  const [old, next] = [await newPortal(), await newPortal({ policy: { mapping: { former_portals: false } } })]
  await expect(rehome(old.id, next.id)).rejects.toMatchObject({
    code: 'state_conflict',
    detail: expect.stringContaining('former_portals') as string,
  })
})

test('a portal that lets in whom another does not cannot have its accounts, nor keep them when it begins to', async () => {
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
  // Over another, too.
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

test('one registrar alone hands nothing over', async () => {
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

test("the portal's API tells and marks old accounts, and the feed covers both from any cursor", async () => {
  const [old, next] = [await newPortal(), await newPortal()]
  await old.account('one', 'an')
  await old.account('both', 'an')
  await next.account('both', 'an')
  await old.enter('an')
  const { sub } = await next.enter('an')
  const api = await next.api()
  const before = await api.changes()
  expect(before.changes).toMatchObject([{ id: 'both', change: 'linked', sub }])
  expect(before.next).toBe('1')

  await rehome(old.id, next.id)
  await inForce()
  // Of no portal named, its own only.
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

  // What the old one had told nobody yet comes as news, and whoever begins anew hears it all.
  const after = await follow(api, before.next)
  const named = ({ change, id, portal }: Change & { portal?: string }) => `${change} ${portal ?? ''}/${id}`
  const told = after.map(named)
  expect(told.slice(0, 2).toSorted()).toEqual([`linked ${old.id}/both`, `linked ${old.id}/one`])
  expect(told.slice(2)).toEqual([`primary ${old.id}/both`])
  const all = await follow(api, '0')
  expect(all.map(named)).toEqual([...before.changes, ...after].map(named))
  // Each cursor goes on behind its change, whatever comes later on either side.
  await next.account('later', 'an')
  await next.enter('an')
  for (const [index, { cursor }] of all.entries())
    expect((await follow(api, cursor)).map(({ id }) => id).toSorted()).toEqual(
      [...all.slice(index + 1).map(({ id }) => id), 'later'].toSorted(),
    )
  for (const bad of ['1.', '1.x-1', `1.0-1`, '1.1', '1-1', '9', '1.1-01'])
    expect(await api.call(`changes?after=${bad}`)).toMatchObject({ status: 400 })
  // As many as there may ever be, and what is no source any more is left out.
  const many = `${before.next}${Array.from({ length: 60 }, (_, index) => `.${900_000 + index}-1`).join('')}`
  const { next: cleaned } = await api.changes(`?after=${many}&limit=1`)
  expect(cleaned).not.toContain('.9000')
  // The old one hears its own only.
  expect((await (await old.api()).changes()).changes.map(({ id }) => id).toSorted()).toEqual([
    'both',
    'both',
    'one',
  ])
})

type Follower = Awaited<ReturnType<Portal['api']>>
/** Page by page, one change each. */
async function follow(api: Follower, after: string): Promise<(Change & { portal?: string })[]> {
  const page = await api.changes(`?after=${after}&limit=1`)
  const rest = page.more ? await follow(api, page.next) : []
  return [...(page.changes as (Change & { portal?: string })[]), ...rest]
}

test('undone, all is as it was, and what was linked meanwhile stays linked at the old portal', async () => {
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

test('begun by mistake, undone and begun again, every sub stays as before', async () => {
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

test('who came long ago counts, whatever the audit still holds', async () => {
  const [old, next, third] = [await newPortal(), await newPortal(), await newPortal()]
  await next.enter('an')
  const firstPerson = async ({ id }: Portal) =>
    (
      await world.db.query<{ at: Date | null }>('select first_person_at as at from client where id = $1', [
        id,
      ])
    )[0]!.at
  await vi.waitFor(async () => expect(await firstPerson(next)).not.toBeNull(), { timeout: 12_000 })
  expect(await firstPerson(third)).toBeNull()
  const aged = `update audit_event set at = at - interval '1 hour' where event = 'login.completed' and client_id = $1`
  await world.db.query(aged, [next.id])
  expect(await rehome(old.id, next.id)).toMatchObject({ subs: 'own' })
  expect(await rehome(next.id, third.id)).toMatchObject({ subs: 'old' })
}, 30_000)

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
  await vi.waitFor(async () => expect(await old.isShut()).toBe(true), within5s)
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

test('one goes over into another that goes over into a third, which then has the accounts and subs of all', async () => {
  const [first, second, third] = [await newPortal(), await newPortal(), await newPortal()]
  await first.account('from-first', 'an')
  await second.account('from-second', 'an')
  const an = await first.enter('an')
  await rehome(second.id, third.id)
  await rehome(first.id, second.id)
  await inForce()
  // The second had taken on the first one's since, so the third is told what it knew people by.
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
  // What a later one builds on is undone after it.
  await expect(undo(a.id)).rejects.toMatchObject({ code: 'state_conflict' })
  await undo(b.id)
  await undo(a.id)

  // Also where the later one tells them as former ones.
  const [d, e, f] = [await newPortal(), await newPortal(), await newPortal()]
  await f.enter('an')
  await rehome(d.id, e.id)
  expect(await rehome(e.id, f.id)).toMatchObject({ subs: 'own' })
  await expect(undo(d.id)).rejects.toMatchObject({ code: 'state_conflict' })
})

test('what makes no sense is refused, and says why', async () => {
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
  await expect(rehome(a.id, c.id)).rejects.toMatchObject(conflict(`into ${b.id} already`))
  await expect(rehome(b.id, a.id)).rejects.toMatchObject(conflict('itself'))
  await rehome(b.id, c.id)
  await expect(rehome(c.id, a.id)).rejects.toMatchObject(conflict('itself'))

  const [d, e] = [await newPortal(), await newPortal()]
  const both = await Promise.allSettled([rehome(d.id, e.id), rehome(e.id, d.id)])
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
})

test('the commands say what happens', async () => {
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
    `${old.id} does not go over into ${next.id}`,
  )
  expect((await cli('client rehome list')).out).toMatch(new RegExp(`${old.id} → ${next.id} .* undone`))
})
