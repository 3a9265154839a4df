/** What a logout means for portals: logout tokens, sessions of other persons, addresses that the broker may contact. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import { signer } from '../support/keys.ts'
import { ask, bye, dead, leaveAll, loopback, openLogout } from '../support/login/logout.ts'
import { press } from '../support/portal.ts'
import { portalDefinition } from '../support/world.ts'

const { world, listener, newPortal, told, trips } = await openLogout()

async function logoutToken(path: string, audience: string) {
  const keys = (await (await fetch(`${world.issuer}/jwks`)).json()) as JSONWebKeySet
  const token = new URLSearchParams(listener.received(path).at(-1)).get('logout_token')
  const { payload } = await jwtVerify(token ?? '', createLocalJWKSet(keys), {
    issuer: world.issuer,
    audience,
    typ: 'logout+jwt',
  })
  return payload
}

test('signing out of one portal keeps the session for the others', async () => {
  const [first, second] = [await told(), await told()]
  const atFirst = await first.signIn()
  const atSecond = await second.signIn({}, atFirst.visitor)
  const page = await press(atFirst.visitor, await ask(first, atFirst))
  expect(page.body).toContain(`Cổng ${first.id}`)
  await expect(first.userinfo(atFirst.tokens.access_token)).rejects.toMatchObject(dead)
  await expect(second.userinfo(atSecond.tokens.access_token)).resolves.toMatchObject({
    sub: atSecond.claims.sub,
  })
  expect(listener.received(`/${first.id}`)).toHaveLength(1)
  expect(listener.received(`/${second.id}`)).toHaveLength(0)

  await second.signIn({}, atFirst.visitor)
  expect(trips(atFirst.visitor)).toBe(1)
})

test('every portal of the session receives a logout token', async () => {
  const [first, second] = [await told({ backchannel_logout_session_required: true }), await told()]
  const atFirst = await first.signIn()
  const atSecond = await second.signIn({}, atFirst.visitor)
  await leaveAll(second, atSecond)

  // OIDC Back-Channel Logout 1.0 §2.4.
  const event = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const atTheFirst = await logoutToken(`/${first.id}`, first.id)
  expect(atTheFirst).toMatchObject({ sub: atFirst.claims.sub, events: event, sid: atFirst.claims['sid'] })
  expect(atTheFirst.sid).toEqual(expect.any(String))
  expect(atTheFirst).not.toHaveProperty('nonce')
  const atTheSecond = await logoutToken(`/${second.id}`, second.id)
  expect(atTheSecond).toMatchObject({ sub: atSecond.claims.sub, events: event, jti: expect.any(String) })
})

test('a portal on a private address outside its allow-list is not contacted, and cannot keep the session alive', async () => {
  const portal = await told({ policy: { private_networks: ['10.0.0.0/8'] } })
  const signedIn = await portal.signIn()
  expect((await leaveAll(portal, signedIn)).url).toBe(bye)
  expect(listener.received(`/${portal.id}`)).toHaveLength(0)
  await expect(portal.userinfo(signedIn.tokens.access_token)).rejects.toMatchObject(dead)
  expect(
    world.logLines.filter((line) => line.includes('logout.undelivered') && line.includes(portal.id)),
  ).toHaveLength(1)
})

test('the sign-in of another person in the same browser ends the earlier session, sends logout tokens to its portals, and inherits nothing', async () => {
  const [first, second] = [await told(), await newPortal()]
  const before = await first.signIn()
  world.simulator.approve('binh')
  try {
    const other = await second.signIn({ prompt: 'login' }, before.visitor)
    expect(await logoutToken(`/${first.id}`, first.id)).toMatchObject({ sub: before.claims.sub })
    await expect(first.userinfo(before.tokens.access_token)).rejects.toMatchObject(dead)
    await expect(first.refresh(before.tokens.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })

    const next = await first.signIn({}, before.visitor)
    expect(next.claims.sub).not.toBe(before.claims.sub)
    expect(await first.userinfo(next.tokens.access_token)).toMatchObject({ name: 'Trần Thị Bình' })
    expect(await second.userinfo(other.tokens.access_token)).toMatchObject({ name: 'Trần Thị Bình' })
    await expect(first.userinfo(before.tokens.access_token)).rejects.toMatchObject(dead)
  } finally {
    world.simulator.approve('an')
  }
})

test('keys of a portal are fetched from a private address only if the allow-list contains it', async () => {
  const { privateKey, jwks } = await signer()
  const withKeysAt = async (path: string, policy: object) => {
    listener.serve(path, jwks)
    const clientId = `keys-${path.slice(1)}`
    await world.register(
      portalDefinition(clientId, {
        client_secret: undefined,
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks_uri: `${listener.url}${path}`,
        policy,
      }),
    )
    return world.portal({ clientId, auth: client.PrivateKeyJwt(privateKey) })
  }
  const allowed = await withKeysAt('/allowed', loopback)
  await expect(allowed.signIn()).resolves.toMatchObject({ claims: { acr: 'urn:vneid:2' } })
  expect(listener.received('/allowed')).toHaveLength(1)

  const refused = await withKeysAt('/refused', {})
  await expect(refused.signIn()).rejects.toMatchObject({ error: 'invalid_client' })
  expect(listener.received('/refused')).toHaveLength(0)
})
