/** Who may sign in at which level, and which data a portal receives about a citizen, a foreigner, an organisation and a representative. */
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { type Visitor, createVisitor } from '../../src/sandbox/visitor.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const { simulator } = world
const everyScope = 'openid profile citizen_id organisation legacy_accounts'
const everyone = ['citizen', 'foreigner', 'organisation', 'representative']

let count = 0
async function open(policy: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) {
  const clientId = `portal-${++count}`
  await world.register(portalDefinition(clientId, { ...metadata, policy }))
  return { clientId, ...(await world.portal({ clientId, scope: everyScope })) }
}
type Open = Awaited<ReturnType<typeof open>>

/** Signs in and reads userinfo. */
async function meet(
  citizen: string,
  portal: Open,
  wish: Record<string, string> = {},
  visitor = createVisitor(),
) {
  simulator.approve(citizen)
  const { tokens, claims } = await portal.signIn(wish, visitor)
  return { claims, person: await client.fetchUserInfo(portal.config, tokens.access_token, claims.sub) }
}
const tripsOf = ({ steps }: Visitor) =>
  steps.filter(({ url }) => url.startsWith(`${simulator.url}/oidc/authorize`))
const levelOne = 'urn:vneid:1'
const levelTwo = 'urn:vneid:2'
const unmet = { error: 'unmet_authentication_requirements' }

test('a portal that asks for level 2 never receives a level 1 citizen', async () => {
  simulator.approve('chi')
  const byRequest = await open()
  const byPolicy = await open({ minimum_level: 2 })
  await expect(byRequest.signIn({ acr_values: levelTwo })).rejects.toMatchObject(unmet)
  await expect(byPolicy.signIn()).rejects.toMatchObject(unmet)
  await expect(byPolicy.signIn({ acr_values: levelOne })).rejects.toMatchObject(unmet)
})

test('acr is the level reached, even if the request accepts a lower one', async () => {
  const portal = await open()
  expect((await meet('an', portal, { acr_values: `${levelOne} urn:other` })).claims.acr).toBe(levelTwo)
  expect((await meet('chi', portal, { acr_values: `${levelTwo} ${levelOne}` })).claims.acr).toBe(levelOne)
})

test('a session of level 1 goes back to VNeID if level 2 is needed, and is refused if it is still level 1', async () => {
  const visitor = createVisitor()
  await meet('chi', await open(), {}, visitor)
  const portal = await open({ minimum_level: 2 })
  await expect(portal.signIn({}, visitor)).rejects.toMatchObject(unmet)
  expect(tripsOf(visitor)).toHaveLength(2)
  expect(tripsOf(visitor)[1]!.url).toContain('prompt=login')
  await (await open()).signIn({}, visitor)
  expect(tripsOf(visitor)).toHaveLength(2)
})

test('a citizen who returns with level 2 passes the step-up', async () => {
  const visitor = createVisitor()
  const first = await open()
  await meet('chi', first, {}, visitor)
  const { claims } = await meet('an', await open(), { acr_values: levelTwo }, visitor)
  expect(claims.acr).toBe(levelTwo)
  expect(tripsOf(visitor)).toHaveLength(2)
})

test('a citizen who was raised to level 2 meanwhile passes the step-up and keeps the same sub', async () => {
  const visitor = createVisitor()
  const portal = await open()
  const before = await meet('chi', portal, {}, visitor)
  // The police office raises the account: from now on VNeID's "01" of this person reads as level 2.
  await world.restart({ UPSTREAM_LEVELS: JSON.stringify({ '01': 2, '02': 2 }) })
  const after = await meet('chi', portal, { acr_values: levelTwo }, visitor)
  await world.restart({ UPSTREAM_LEVELS: JSON.stringify({ '01': 1, '02': 2 }) })
  expect(tripsOf(visitor)).toHaveLength(2)
  expect(after.claims).toMatchObject({ sub: before.claims.sub, acr: levelTwo })
})

test.each([
  ['value', { value: levelTwo }],
  ['values', { values: [levelTwo] }],
])('an essential acr %s that is not reached is an error, without a loop', async (_, wish) => {
  const claims = JSON.stringify({ id_token: { acr: { essential: true, ...wish } } })
  const portal = await open()
  expect((await meet('an', portal, { claims })).claims.acr).toBe(levelTwo)
  const visitor = createVisitor()
  await meet('chi', portal, {}, visitor)
  await expect(portal.signIn({ claims }, visitor)).rejects.toMatchObject(unmet)
  expect(tripsOf(visitor)).toHaveLength(2)
})

test('a request that names only unknown levels is refused before the trip to VNeID', async () => {
  const portal = await open()
  const visitor = createVisitor()
  const wish = { acr_values: 'urn:mace:incommon:iap:silver' }
  await expect(portal.signIn(wish, visitor)).rejects.toMatchObject(unmet)
  expect(tripsOf(visitor)).toHaveLength(0)
  await meet('an', portal, {}, visitor)
  await expect(portal.signIn(wish, visitor)).rejects.toMatchObject(unmet)
  expect(tripsOf(visitor)).toHaveLength(1)
})

test.each([
  ['congty', 'organisation'],
  ['minh', 'representative'],
  ['john', 'foreigner'],
])('%s can sign in only at portals that admit the kind %s', async (citizen, kind) => {
  simulator.approve(citizen)
  await expect((await open()).signIn()).rejects.toMatchObject({ error: 'access_denied' })
  const { claims } = await meet(citizen, await open({ kinds: [kind] }))
  expect(claims['kind']).toBe(kind)
})

test('a member of an organisation without authority is refused by every portal', async () => {
  simulator.approve('nga')
  const portal = await open({ kinds: everyone })
  await expect(portal.signIn()).rejects.toMatchObject({ error: 'access_denied' })
})

test('an organisation has no level: it gets no acr, and a portal that asks for a level refuses it', async () => {
  const portal = await open({ kinds: everyone, minimum_level: 2 })
  const visitor = createVisitor()
  const { claims, person } = await meet('congty', portal, {}, visitor)
  expect(claims).not.toHaveProperty('acr')
  expect(person).not.toHaveProperty('acr')
  expect(person).toMatchObject({ kind: 'organisation', organisation: { id: 'TC-99990001' } })
  expect(person).not.toHaveProperty('citizen_id')
  await expect(portal.signIn({ acr_values: levelOne })).rejects.toMatchObject(unmet)
  await expect(portal.signIn({ acr_values: levelOne }, visitor)).rejects.toMatchObject(unmet)
  expect(tripsOf(visitor)).toHaveLength(2)
})

test('a foreigner is identified by a number of another type', async () => {
  const { person } = await meet('john', await open({ kinds: ['foreigner'] }))
  expect(person).toMatchObject({
    kind: 'foreigner',
    foreigner_id: citizenNamed('john').number,
    acr: levelTwo,
  })
  expect(person).not.toHaveProperty('citizen_id')
})

test('a representative keeps the person’s sub, with the organisation and without the person’s own accounts', async () => {
  const portal = await open({ kinds: everyone })
  const { number } = citizenNamed('minh')
  await world.legacyAccount({ clientId: portal.clientId, accountId: 'minh-own', number })
  const acting = await meet('minh', portal)
  expect(acting.person).toMatchObject({
    kind: 'representative',
    citizen_id: number,
    legacy_accounts: [],
    organisation: { id: 'TC-99990001', name: 'Công ty Cổ phần Ví Dụ' },
  })
  // On another day the same person signs in without the organisation.
  await world.restart({ UPSTREAM_KINDS: JSON.stringify({ '1': 'citizen', '3': 'citizen' }) })
  const self = await meet('minh', portal)
  expect(self.claims.sub).toBe(acting.claims.sub)
  expect(self.person).toMatchObject({ kind: 'citizen', legacy_accounts: [{ id: 'minh-own' }] })
  expect(self.person).not.toHaveProperty('organisation')
  await world.restart({
    UPSTREAM_KINDS: JSON.stringify({
      '1': 'citizen',
      '2': 'organisation',
      '3': 'representative',
      '4': 'unauthorised_member',
      '5': 'foreigner',
    }),
  })
  expect((await meet('minh', portal)).person).toMatchObject({ kind: 'representative', legacy_accounts: [] })
})

test('a session of a kind that a portal does not admit goes to VNeID, where the citizen can choose another account', async () => {
  const visitor = createVisitor()
  await meet('an', await open(), {}, visitor)
  const forOrganisations = await open({ kinds: ['organisation'] })
  await expect(forOrganisations.signIn({}, visitor)).rejects.toMatchObject({ error: 'access_denied' })
  const { person } = await meet('congty', forOrganisations, {}, visitor)
  expect(person).toMatchObject({ kind: 'organisation' })
  expect(tripsOf(visitor)).toHaveLength(3)
})

test('a portal that no longer admits a kind refuses it also in an existing session', async () => {
  const visitor = createVisitor()
  const portal = await open({ kinds: ['citizen', 'foreigner'] })
  await meet('john', portal, {}, visitor)
  await world.register(portalDefinition(portal.clientId, { policy: { kinds: ['citizen'] } }))
  await expect(portal.signIn({}, visitor)).rejects.toMatchObject({ error: 'access_denied' })
  await expect(portal.signIn({ prompt: 'none' }, visitor)).rejects.toMatchObject({ error: 'access_denied' })
})

test('a portal receives the claims of its scopes, and only those that its agreement lists', async () => {
  const full = await meet('an', await open())
  expect(full.person).toMatchObject({
    name: 'Nguyễn Văn An',
    birthdate: '1985-03-12',
    gender: 'male',
    citizen_id: '001085999901',
  })
  const lean = await meet('an', await open(), { scope: 'openid' })
  expect(Object.keys(lean.person).toSorted()).toEqual(['acr', 'kind', 'sub'])
  const agreed = await meet('an', await open({ claims: ['name'] }))
  expect(Object.keys(agreed.person).toSorted()).toEqual(['acr', 'kind', 'name', 'sub'])
})

test('a claim that is requested by name is released only within the registered scopes and the agreement', async () => {
  const ask = (...names: string[]) => ({
    scope: 'openid',
    claims: JSON.stringify({ userinfo: Object.fromEntries(names.map((name) => [name, null])) }),
  })
  const registered = { scope: 'openid profile citizen_id' }
  const wish = ask('citizen_id', 'birthdate', 'organisation')
  const wide = await meet('an', await open({}, registered), wish)
  expect(Object.keys(wide.person).toSorted()).toEqual(['acr', 'birthdate', 'citizen_id', 'kind', 'sub'])
  const narrow = await meet('an', await open({ claims: ['birthdate'] }, registered), wish)
  expect(Object.keys(narrow.person).toSorted()).toEqual(['acr', 'birthdate', 'kind', 'sub'])
})

test('a claim that is added to the agreement is released at the next request of the same session', async () => {
  const registered = { scope: 'openid profile' }
  const portal = await open({ claims: ['name'] }, registered)
  const wish = { scope: 'openid', claims: JSON.stringify({ userinfo: { birthdate: null } }) }
  const visitor = createVisitor()
  expect((await meet('an', portal, wish, visitor)).person).not.toHaveProperty('birthdate')
  await world.register(
    portalDefinition(portal.clientId, { ...registered, policy: { claims: ['birthdate'] } }),
  )
  expect((await meet('an', portal, wish, visitor)).person).toHaveProperty('birthdate')
  expect(tripsOf(visitor)).toHaveLength(1)
})

test('auth_time and acr are in the ID token if they are requested by name', async () => {
  const claims = JSON.stringify({ id_token: { auth_time: { essential: true }, acr: null } })
  const met = await meet('an', await open(), { claims })
  expect(met.claims).toMatchObject({ auth_time: expect.any(Number), acr: levelTwo })
})

test('a scope that is not registered for the portal is invalid_scope', async () => {
  const portal = await open({}, { scope: 'openid' })
  await expect(portal.signIn({ scope: 'openid citizen_id' })).rejects.toMatchObject({
    error: 'invalid_scope',
  })
})

test('two portals get different subs for one person, unless they share a host', async () => {
  const a = await meet('an', await open())
  const b = await meet('an', await open({}, { redirect_uris: ['http://127.0.0.1:9/cb'] }))
  const openly = await meet('an', await open({}, { subject_type: 'public' }))
  expect(a.claims.sub).toBe(b.claims.sub)
  expect(openly.claims.sub).not.toBe(a.claims.sub)
})

test('a birth date with only a year stays a year', async () => {
  expect((await meet('dung', await open())).person['birthdate']).toBe('1952')
})

test('a name that arrives decomposed is delivered composed', async () => {
  expect(citizenNamed('hoa').name).not.toBe(citizenNamed('hoa').name.normalize('NFC'))
  expect((await meet('hoa', await open())).person['name']).toBe('Nguyễn Thị Hòa'.normalize('NFC'))
})

test.each([
  ['giang', ['birth_year']],
  ['loan', ['sex']],
])(
  '%s, whose re-issued number disagrees with the claims, signs in, and the audit records the disagreement',
  async (citizen, disagreement) => {
    await meet(citizen, await open())
    const [row] = await world.db.query<{ detail: { number_disagrees?: string[] } }>(
      `select detail from audit_event where event = 'login.completed' and client_id = $1`,
      [`portal-${count}`],
    )
    expect(row?.detail.number_disagrees).toEqual(disagreement)
  },
)
