/** The claims about a person that a portal gets: names, subs, signing and encryption. */
import { compactDecrypt, createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { opener } from '../support/keys.ts'
import { openWorld, portalAddress, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const an = citizenNamed('an')
const keys = createLocalJWKSet((await (await fetch(`${world.issuer}/jwks`)).json()) as JSONWebKeySet)

let portals = 0
async function newPortal(
  changes: Record<string, unknown> = {},
  scope = 'openid',
  redirectUri = portalAddress,
) {
  const clientId = `portal-${++portals}`
  await world.register(portalDefinition(clientId, { redirect_uris: [redirectUri], ...changes }))
  const metadata = { id_token_signed_response_alg: 'ES256', ...changes } as Partial<client.ClientMetadata>
  return world.portal({ clientId, scope, redirectUri, metadata })
}
const rawUserinfo = (token: string) =>
  fetch(`${world.issuer}/me`, { headers: { authorization: `Bearer ${token}` } })

test('an ID token has acr and auth_time, and is signed with ES256', async () => {
  const { tokens, claims } = await (await newPortal({ require_auth_time: true })).signIn()
  expect(claims).toMatchObject({ acr: 'urn:vneid:2', kind: 'citizen', auth_time: expect.any(Number) })
  expect(decodeProtectedHeader(tokens.id_token!)).toMatchObject({ alg: 'ES256', kid: expect.any(String) })
})

test('every ID token carries acr: after SSO and after a refresh too', async () => {
  const portal = await newPortal()
  const { visitor } = await portal.signIn()
  const again = await portal.signIn({}, visitor)
  expect(again.claims.acr).toBe('urn:vneid:2')
  expect((await portal.refresh(again.tokens.refresh_token)).claims()?.acr).toBe('urn:vneid:2')
})

test('a portal that is registered for RS256 gets RS256', async () => {
  const { tokens } = await (await newPortal({ id_token_signed_response_alg: 'RS256' })).signIn()
  expect(decodeProtectedHeader(tokens.id_token!).alg).toBe('RS256')
  await expect(jwtVerify(tokens.id_token!, keys, { issuer: world.issuer })).resolves.toBeDefined()
})

test('the scopes decide which claims userinfo returns', async () => {
  const portal = await newPortal({}, 'openid citizen_id')
  const { tokens, claims } = await portal.signIn()
  const person = { sub: claims.sub, kind: 'citizen', acr: 'urn:vneid:2', citizen_id: an.number }
  expect(await portal.userinfo(tokens.access_token, claims.sub)).toEqual(person)
})

test('a claim requested by name is returned where it was requested: in the ID token or at userinfo', async () => {
  const portal = await newPortal()
  const wish = { id_token: { name: null }, userinfo: { birthdate: { essential: true } } }
  const { tokens, claims } = await portal.signIn({ claims: JSON.stringify(wish) })
  expect(claims).toMatchObject({ name: an.name })
  expect(claims).not.toHaveProperty('birthdate')
  const person = await portal.userinfo(tokens.access_token)
  expect(person).toMatchObject({ birthdate: an.birthDate })
  expect(person).not.toHaveProperty('name')
})

test('a claim that the registry does not release is never returned, for any request', async () => {
  const wish = { name: null, gender: null, citizen_id: { essential: true }, legacy_accounts: null }
  const asked = { claims: JSON.stringify({ id_token: wish, userinfo: wish }) }

  const byScope = await newPortal({ scope: 'openid profile' }, 'openid')
  const first = await byScope.signIn(asked)
  const byList = await newPortal(
    { policy: { claims: ['name'] } },
    'openid profile citizen_id legacy_accounts',
  )
  const second = await byList.signIn(asked)

  for (const said of [first.claims, await byScope.userinfo(first.tokens.access_token)]) {
    expect(said).toMatchObject({ name: an.name, gender: an.gender })
    for (const claim of ['citizen_id', 'legacy_accounts']) expect(said).not.toHaveProperty(claim)
  }
  for (const said of [second.claims, await byList.userinfo(second.tokens.access_token)]) {
    expect(said).toMatchObject({ name: an.name })
    for (const claim of ['gender', 'birthdate', 'citizen_id', 'legacy_accounts'])
      expect(said).not.toHaveProperty(claim)
  }
})

test('a scope that is not registered for the portal is refused', async () => {
  const portal = await newPortal({ scope: 'openid profile' }, 'openid citizen_id')
  await expect(portal.signIn()).rejects.toMatchObject({ error: 'invalid_scope' })
})

test('an ID token is encrypted for the portal that registered a key for it', async () => {
  const { privateKey, jwks } = await opener()
  const wrapping = { id_token_encrypted_response_alg: 'ECDH-ES', id_token_encrypted_response_enc: 'A256GCM' }
  const portal = await newPortal({ jwks, ...wrapping })
  client.enableDecryptingResponses(portal.config, ['A256GCM'], privateKey)
  const { tokens, claims } = await portal.signIn()

  expect(decodeProtectedHeader(tokens.id_token!)).toMatchObject({ alg: 'ECDH-ES', enc: 'A256GCM' })
  const { plaintext } = await compactDecrypt(tokens.id_token!, privateKey)
  const { payload } = await jwtVerify(new TextDecoder().decode(plaintext), keys, { issuer: world.issuer })
  expect(payload.sub).toBe(claims.sub)
})

test('userinfo is signed, and encrypted as well, as registered', async () => {
  const { privateKey, jwks } = await opener()
  const signing = { userinfo_signed_response_alg: 'ES256' }
  const sealing = {
    jwks,
    userinfo_encrypted_response_alg: 'ECDH-ES',
    userinfo_encrypted_response_enc: 'A256GCM',
  }
  const read = async (changes: Record<string, unknown>) => {
    const { tokens } = await (await newPortal(changes, 'openid profile')).signIn()
    const response = await rawUserinfo(tokens.access_token)
    expect(response.headers.get('content-type')).toContain('application/jwt')
    return response.text()
  }
  const signed = await jwtVerify(await read(signing), keys, { issuer: world.issuer })
  expect(signed.payload).toMatchObject({ name: an.name, aud: expect.stringMatching(/^portal-/) })
  const { plaintext, protectedHeader } = await compactDecrypt(
    await read({ ...signing, ...sealing }),
    privateKey,
  )
  expect(protectedHeader).toMatchObject({ alg: 'ECDH-ES', enc: 'A256GCM' })
  const both = await jwtVerify(new TextDecoder().decode(plaintext), keys, { issuer: world.issuer })
  expect(both.payload).toMatchObject({ name: an.name })
})

test('two portals get different subs for one person, unless they share a sector', async () => {
  const sub = async (...definition: Parameters<typeof newPortal>) =>
    (await (await newPortal(...definition)).signIn()).claims.sub
  const [here, there] = ['http://localhost:9/a', 'http://localhost:8/b']
  expect(await sub({}, 'openid', here)).not.toBe(await sub({}, 'openid', there))
  expect(await sub({}, 'openid', here)).toBe(await sub({}, 'openid', here))

  const sector = { sector_identifier_uri: 'https://ministry.example/sector.json' }
  const shared = await sub(sector, 'openid', here)
  expect(await sub(sector, 'openid', there)).toBe(shared)
  expect(shared).not.toBe(await sub({}, 'openid', here))
})

test('portals that are registered for public subjects get the same sub', async () => {
  const open = { subject_type: 'public' }
  const [here, there] = [
    await newPortal(open, 'openid', 'http://localhost:9/a'),
    await newPortal(open, 'openid', 'http://localhost:8/b'),
  ]
  const { claims } = await here.signIn()
  expect((await there.signIn()).claims.sub).toBe(claims.sub)
  const pairwise = await newPortal({}, 'openid', 'http://localhost:9/a')
  expect((await pairwise.signIn()).claims.sub).not.toBe(claims.sub)
})
