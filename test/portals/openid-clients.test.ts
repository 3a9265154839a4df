/** openid-client, as portals use it, against the running broker: a whole login for each kind of client. */
import { type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { signer } from '../support/keys.ts'
import { type Portal, type PortalOptions, press } from '../support/portal.ts'
import { openWorld, portalDefinition, secretOf } from '../support/world.ts'

const world = await openWorld()
const an = citizenNamed('an')
const bye = 'http://127.0.0.1:9/bye'

/** Runs login, userinfo, refresh and logout, and checks the answer of each. */
async function goTheWholeWay(portal: Portal, redirectUri?: string): Promise<void> {
  const { visitor, tokens, claims } = await portal.signIn()
  expect(claims).toMatchObject({ iss: world.issuer, acr: 'urn:vneid:2', kind: 'citizen' })

  const person = await portal.userinfo(tokens.access_token, claims.sub)
  expect(person).toMatchObject({ sub: claims.sub, name: an.name, birthdate: an.birthDate })

  const renewed = await portal.refresh(tokens.refresh_token)
  expect(renewed.claims()?.sub).toBe(claims.sub)
  await expect(portal.userinfo(renewed.access_token, claims.sub)).resolves.toEqual(person)

  const logout = client.buildEndSessionUrl(portal.config, {
    id_token_hint: renewed.id_token!,
    post_logout_redirect_uri: redirectUri ?? bye,
    state: 'back at the portal',
  })
  const question = await visitor.open(logout.href)
  const { url } = await press(visitor, question, { logout: 'yes' }, (address) =>
    address.startsWith(redirectUri ?? bye),
  )
  expect(new URL(url).searchParams.get('state')).toBe('back at the portal')
  await expect(portal.userinfo(renewed.access_token)).rejects.toMatchObject({ status: 401 })
  await expect(portal.refresh(renewed.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
}

test('a portal with a secret in the Authorization header signs in, reads, refreshes and signs out', async () => {
  await world.register(portalDefinition('with-basic'))
  await goTheWholeWay(await world.portal({ clientId: 'with-basic' }))
})

test('a portal with a secret in the form signs in, reads, refreshes and signs out', async () => {
  await world.register(portalDefinition('with-post', { token_endpoint_auth_method: 'client_secret_post' }))
  await goTheWholeWay(
    await world.portal({ clientId: 'with-post', auth: client.ClientSecretPost(secretOf('with-post')) }),
  )
})

test('a portal that signs its assertions needs no secret', async () => {
  const { privateKey, jwks } = await signer()
  await world.register(
    portalDefinition('with-key', {
      client_secret: undefined,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks,
    }),
  )
  await goTheWholeWay(await world.portal({ clientId: 'with-key', auth: client.PrivateKeyJwt(privateKey) }))
})

test('a portal that pushes its requests and binds its tokens to a key signs in, reads, refreshes and signs out', async () => {
  await world.register(
    portalDefinition('with-dpop', {
      require_pushed_authorization_requests: true,
      dpop_bound_access_tokens: true,
    }),
  )
  const portal = await world.portal({
    clientId: 'with-dpop',
    par: true,
    dpop: await client.randomDPoPKeyPair('ES256'),
  })
  await goTheWholeWay(portal)

  const { tokens } = await portal.signIn()
  expect(tokens.token_type).toBe('dpop')
  const thief = await world.portal({
    clientId: 'with-dpop',
    par: true,
    dpop: await client.randomDPoPKeyPair('ES256'),
  })
  await expect(thief.userinfo(tokens.access_token)).rejects.toMatchObject({ status: 401 })
})

const publicClients: Record<
  string,
  { definition: Record<string, unknown>; options: Partial<PortalOptions> }
> = {
  'a phone app with an address of its own scheme': {
    definition: {
      application_type: 'native',
      redirect_uris: ['vn.example.app:/cb'],
      post_logout_redirect_uris: ['vn.example.app:/bye'],
      sector_identifier_uri: 'https://app.example.vn/sector.json',
    },
    options: { redirectUri: 'vn.example.app:/cb' },
  },
  'a desktop app that listens on any loopback port': {
    definition: {
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/cb'],
      sector_identifier_uri: 'https://desktop.example.vn/',
    },
    options: { redirectUri: 'http://127.0.0.1:49152/cb' },
  },
  'a single-page portal': { definition: {}, options: {} },
}
for (const [index, [name, { definition, options }]] of Object.entries(publicClients).entries()) {
  test(`${name} signs in, reads, refreshes and signs out without a secret`, async () => {
    const clientId = `public-${index}`
    await world.register(
      portalDefinition(clientId, {
        client_secret: undefined,
        token_endpoint_auth_method: 'none',
        ...definition,
      }),
    )
    const home = (definition['post_logout_redirect_uris'] as string[] | undefined)?.[0]
    await goTheWholeWay(await world.portal({ clientId, auth: client.None(), ...options }), home)
  })
}

test('a portal needs no other configuration than discovery', async () => {
  const description = (await (
    await fetch(`${world.issuer}/.well-known/openid-configuration`)
  ).json()) as Record<string, unknown>
  const endpoints = Object.entries(description).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name))
  expect(endpoints.map(([name]) => name).toSorted()).toEqual([
    'authorization_endpoint',
    'device_authorization_endpoint',
    'end_session_endpoint',
    'introspection_endpoint',
    'jwks_uri',
    'pushed_authorization_request_endpoint',
    'revocation_endpoint',
    'token_endpoint',
    'userinfo_endpoint',
  ])
  for (const [, address] of endpoints) expect(new URL(String(address)).origin).toBe(world.issuer)
})

test("all URLs are the issuer's, whatever the Host and forwarding headers say", async () => {
  // fetch does not allow setting Host.
  const lies = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'https',
    forwarded: 'host=evil.example',
  }
  const { body: description } = await rawGet('/.well-known/openid-configuration', lies)
  expect(description).not.toContain('evil.example')
  expect(JSON.parse(description)).toMatchObject({
    issuer: world.issuer,
    token_endpoint: `${world.issuer}/token`,
  })

  await world.register(portalDefinition('behind-a-proxy'))
  const portal = await world.portal({ clientId: 'behind-a-proxy' })
  const { url } = await portal.begin()
  const { headers } = await rawGet(url.slice(world.issuer.length), lies)
  expect(headers.location).toMatch(world.simulator.issuer)
  expect(new URL(headers.location!).searchParams.get('redirect_uri')).toBe(`${world.issuer}/callback`)
  expect(JSON.stringify(headers)).not.toContain('evil.example')

  const visitor = createVisitor()
  const page = await visitor.open(`${world.issuer}/session/end`, {
    headers: { 'x-forwarded-host': 'evil.example' },
  })
  expect(page.url).toMatch(world.issuer)
  expect(page.body).not.toContain('evil.example')
})

function rawGet(
  path: string,
  headers: Record<string, string>,
): Promise<{ body: string; headers: IncomingHttpHeaders }> {
  const { hostname, port } = new URL(world.issuer)
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, headers }, (response) => {
      void text(response).then((body) => resolve({ body, headers: response.headers }), reject)
    })
      .on('error', reject)
      .end()
  })
}
