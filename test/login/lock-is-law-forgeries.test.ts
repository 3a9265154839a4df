/** There is no fallback login: forged, replayed or merely claimed identities are refused. */
import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { createVisitor, type Visitor } from '../../src/sandbox/visitor.ts'
import { openWorld, portalDefinition } from '../support/world.ts'
import { ask, browse, encode, expectPage, redeem, userinfo, wish } from '../support/wire.ts'

const world = await openWorld()
await world.register(portalDefinition('portal-a', { subject_type: 'public' }))
const ids = async (sql: string) => (await world.db.query<{ id: string }>(sql)).map(({ id }) => id)
const subjects = () => ids('select id from subject order by id')
const completed = () => ids(`select id::text from audit_event where event = 'login.completed' order by id`)
async function signIn(id: string, visitor: Visitor, changes = {}) {
  const { heard } = await ask(world, wish(id, changes), visitor)
  const { body } = await redeem(world, id, heard!['code']!)
  return body as { id_token: string }
}

const silent = (visitor: Visitor) => ask(world, wish('portal-a', { prompt: 'none' }), visitor)
const jarOf = (visitor: Visitor) => visitor.cookies(world.issuer)
const atVneid = async (visitor: Visitor) => {
  const start = `${world.issuer}/auth?${encode(wish('portal-a'))}`
  const { url } = await visitor.open(start, { until: (address) => address.startsWith(world.simulator.url) })
  return { url, uid: new URL(url).searchParams.get('state')!.split('.')[0]! }
}

test('the resume URL, with or without the engine’s cookies, completes no sign-in before VNeID has answered', async () => {
  const visitor = createVisitor()
  const { uid } = await atVneid(visitor)
  for (const name of ['interaction', 'resume', 'interaction.sig', 'resume.sig', 'interaction.legacy'])
    jarOf(visitor).set(name, uid)
  for (const path of [`/auth/${uid}`, `/auth/${uid}?${encode({ login: 'yes', accountId: 'x' })}`]) {
    expectPage(await browse(`${world.issuer}${path}`, visitor), 'interaction_gone')
  }
  expect((await silent(visitor)).heard).toMatchObject({ error: 'login_required' })
})

test('the resume URL completes no sign-in afterwards either, because the callback has used it', async () => {
  const visitor = createVisitor()
  const { url, uid } = await atVneid(visitor)
  expect((await browse(url, visitor)).heard).toHaveProperty('code')
  for (const name of ['interaction', 'resume']) jarOf(visitor).set(name, uid)
  expectPage(await browse(`${world.issuer}/auth/${uid}`, visitor), 'interaction_gone')
})

test('a session cookie without a signature, or with a wrong one, is ignored', async () => {
  const visitor = createVisitor()
  await signIn('portal-a', visitor)
  const [value, signature] = [jarOf(visitor).get('session')!, jarOf(visitor).get('session.sig')!]
  expect((await silent(visitor)).heard).toHaveProperty('code')
  const altered = (text: string) => (text.startsWith('x') ? 'y' : 'x') + text.slice(1)
  const forged: [string | undefined, string | undefined][] = [
    [value, altered(signature)],
    [value, undefined],
    [value, ''],
    [altered(value), signature],
    [value, value],
    ['x'.repeat(value.length), signature],
    [value.toUpperCase(), signature],
  ]
  for (const [name, sig] of forged) {
    const thief = createVisitor()
    if (name !== undefined) jarOf(thief).set('session', name)
    if (sig !== undefined) jarOf(thief).set('session.sig', sig)
    expect((await silent(thief)).heard).toMatchObject({ error: 'login_required' })
  }
})

test('a session that was planted in the browser is replaced at the sign-in', async () => {
  const visitor = createVisitor()
  await signIn('portal-a', visitor)
  const planted = new Map(jarOf(visitor))
  await signIn('portal-a', visitor, { prompt: 'login' })
  expect(jarOf(visitor).get('session')).not.toBe(planted.get('session'))
  const attacker = createVisitor()
  for (const [name, value] of planted) jarOf(attacker).set(name, value)
  expect((await silent(attacker)).heard).toMatchObject({ error: 'login_required' })
})

const claims = {
  citizenPid: citizenNamed('binh').number,
  fullName: 'x',
  accountType: '1',
  accountLevel: '02',
  sub: 'x',
  accountId: 'x',
}

test('claims posted to the callback, or to any other endpoint, create no person', async () => {
  const visitor = createVisitor()
  const { uid } = await atVneid(visitor)
  const before = [await subjects(), (await completed()).length]
  for (const path of [
    '/callback',
    `/auth/${uid}`,
    '/auth',
    '/me',
    '/token',
    '/session/end/confirm',
    `/interaction/${uid}/start`,
  ]) {
    const page = await visitor.open(`${world.issuer}${path}`, {
      form: { ...claims, state: uid, code: 'x', id_token: 'x' },
    })
    expect([path, page.status]).toEqual([path, expect.toBeOneOf([400, 401, 404])])
  }
  expect([await subjects(), (await completed()).length]).toEqual(before)
  expect((await silent(visitor)).heard).toMatchObject({ error: 'login_required' })
})

test('claims in the query of a real callback do not change the person', async () => {
  const before = await subjects()
  const visitor = createVisitor()
  const { url } = await atVneid(visitor)
  const door = await visitor.open(url, {
    until: (address) => address.startsWith(`${world.issuer}/callback?`),
  })
  const { heard } = await browse(`${door.url}&${encode(claims)}`, visitor)
  const { body } = await redeem(world, 'portal-a', heard!['code']!)
  // The person is still An, known from the test above; Bình's number had no effect.
  expect(before).toContain(decodeJwt(String(body['id_token'])).sub)
  const { body: person } = await userinfo(world, String(body['access_token']))
  expect(person['name']).toBe(citizenNamed('an').name)
  expect(await subjects()).toEqual(before)
})

test('an ID token of ours, sent as a hint, completes no sign-in', async () => {
  const { id_token: hint } = await signIn('portal-a', createVisitor())
  for (const changes of [{ prompt: 'none' }, { prompt: 'none', login_hint: citizenNamed('an').number }]) {
    const { heard } = await ask(world, wish('portal-a', { id_token_hint: hint, ...changes }))
    expect(heard).toMatchObject({ error: 'login_required', state: 'st-1' })
  }
})
