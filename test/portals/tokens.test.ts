/** Tokens after their issue: introspection, revocation and refresh; and calls from a page in a browser (CORS). */
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import type { Portal } from '../support/portal.ts'
import { openWorld, portalAddress, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const noSecret = { client_secret: undefined, token_endpoint_auth_method: 'none' }
await world.register(
  portalDefinition('portal'),
  portalDefinition('other'),
  portalDefinition('service', {
    redirect_uris: [],
    post_logout_redirect_uris: [],
    grant_types: ['client_credentials'],
  }),
  portalDefinition('spa', { ...noSecret, policy: { allowed_origins: ['https://app.portal.example'] } }),
)
const portal = await world.portal({ clientId: 'portal' })
const other = await world.portal({ clientId: 'other' })
const dead = { status: 401 }
const gone = { error: 'invalid_grant' }

test("a portal can introspect its own tokens, and gets no data about another portal's", async () => {
  const { tokens, claims } = await portal.signIn()
  for (const token of [tokens.access_token, tokens.refresh_token!]) {
    const known = {
      active: true,
      client_id: 'portal',
      sub: claims.sub,
      scope: 'openid profile',
      iss: world.issuer,
    }
    expect(await client.tokenIntrospection(portal.config, token)).toMatchObject(known)
    expect(await client.tokenIntrospection(other.config, token)).toEqual({ active: false })
  }
  expect(await client.tokenIntrospection(portal.config, 'never-issued')).toEqual({ active: false })
})

test("a portal can revoke its own tokens, and no other portal's", async () => {
  const { tokens } = await portal.signIn()
  for (const token of [tokens.access_token, tokens.refresh_token!]) {
    await client.tokenRevocation(other.config, token)
    await expect(portal.userinfo(tokens.access_token)).resolves.toBeDefined()
  }
  await client.tokenRevocation(portal.config, tokens.refresh_token!)
  await expect(portal.refresh(tokens.refresh_token)).rejects.toMatchObject(gone)
  await expect(portal.userinfo(tokens.access_token)).rejects.toMatchObject(dead)
  expect(await client.tokenIntrospection(portal.config, tokens.access_token)).toEqual({ active: false })
})

test('each refresh returns a new refresh token; reuse of an old one ends the grant and all its tokens', async () => {
  const { visitor, tokens } = await portal.signIn()
  const second = await portal.refresh(tokens.refresh_token)
  const third = await portal.refresh(second.refresh_token)
  const all = [tokens, second, third]
  expect(new Set(all.map(({ refresh_token }) => refresh_token)).size).toBe(3)
  for (const { access_token } of all) await expect(portal.userinfo(access_token)).resolves.toBeDefined()

  await expect(portal.refresh(tokens.refresh_token)).rejects.toMatchObject(gone)
  for (const { access_token } of all) await expect(portal.userinfo(access_token)).rejects.toMatchObject(dead)
  await expect(portal.refresh(third.refresh_token)).rejects.toMatchObject(gone)

  // The citizen is still signed in; the next login gets a new grant.
  const fresh = await portal.signIn({}, visitor)
  await expect(portal.userinfo(fresh.tokens.access_token)).resolves.toBeDefined()
  for (const { access_token } of all) await expect(portal.userinfo(access_token)).rejects.toMatchObject(dead)
})

test('of two concurrent uses of one refresh token, at most one issues tokens', async () => {
  const { tokens } = await portal.signIn()
  const uses = await Promise.allSettled([
    portal.refresh(tokens.refresh_token),
    portal.refresh(tokens.refresh_token),
  ])
  const issued = uses.map((use) => (use.status === 'fulfilled' ? use.value.access_token : undefined))
  expect(new Set(issued.filter(Boolean)).size).toBeLessThanOrEqual(1)
})

test('a refresh token is refused for another portal', async () => {
  const { tokens } = await portal.signIn()
  await expect(other.refresh(tokens.refresh_token)).rejects.toMatchObject(gone)
  await expect(portal.refresh(tokens.refresh_token)).resolves.toBeDefined()
})

test('a portal gets its own token for calls without a citizen, and userinfo refuses that token', async () => {
  const service = await world.portal({ clientId: 'service' })
  const tokens = await client.clientCredentialsGrant(service.config)
  expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: world.config.ttl.accessToken })
  expect(tokens).not.toHaveProperty('id_token')
  expect(tokens).not.toHaveProperty('refresh_token')
  const known = await client.tokenIntrospection(service.config, tokens.access_token)
  expect(known).toMatchObject({ active: true, client_id: 'service' })
  expect(known).not.toHaveProperty('sub')
  await expect(service.userinfo(tokens.access_token)).rejects.toMatchObject({ status: 401 })
  await expect(client.clientCredentialsGrant(portal.config)).rejects.toMatchObject({ status: 400 })
})

const origins = [new URL(portalAddress).origin, 'https://app.portal.example']
const fromPage = (
  path: string,
  origin: string,
  init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
) => fetch(`${world.issuer}${path}`, { ...init, headers: { origin, ...init.headers } })

async function redeemFromPage(spa: Portal, clientId: string, origin: string): Promise<Response> {
  const { tokens } = await spa.signIn()
  const form = { grant_type: 'refresh_token', client_id: clientId, refresh_token: tokens.refresh_token! }
  return fromPage('/token', origin, { method: 'POST', body: new URLSearchParams(form) })
}

test('a single-page portal can call token and userinfo from its own origins', async () => {
  const spa = await world.portal({ clientId: 'spa', auth: client.None() })
  for (const origin of origins) {
    const preflight = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,dpop',
    }
    const asked = await fromPage('/me', origin, { method: 'OPTIONS', headers: preflight })
    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-headers')).toContain('authorization')

    const response = await redeemFromPage(spa, 'spa', origin)
    expect(response.status).toBe(200)
    expect(response.headers.get('access-control-allow-origin')).toBe(origin)
    const { access_token } = (await response.json()) as { access_token: string }
    const person = await fromPage('/me', origin, { headers: { authorization: `Bearer ${access_token}` } })
    expect(person.status).toBe(200)
    expect(person.headers.get('access-control-allow-origin')).toBe(origin)
    expect(person.headers.get('access-control-allow-credentials')).toBeNull()
  }
})

test('a page of another origin cannot read answers of token and userinfo', async () => {
  const foreign = 'https://evil.example'
  const spa = await world.portal({ clientId: 'spa', auth: client.None() })
  const { tokens } = await spa.signIn()
  const refusals = [
    await redeemFromPage(spa, 'spa', foreign),
    await fromPage('/me', foreign, { headers: { authorization: `Bearer ${tokens.access_token}` } }),
  ]
  for (const response of refusals) {
    expect(response.status).toBe(400)
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  }
})

test("a page with the origin null is not accepted as an app's own page", async () => {
  await world.register(
    portalDefinition('app', {
      application_type: 'native',
      client_secret: undefined,
      token_endpoint_auth_method: 'none',
      redirect_uris: [portalAddress, 'vn.example.app:/cb'],
      subject_type: 'public',
    }),
  )
  const app = await world.portal({ clientId: 'app', auth: client.None() })
  const response = await redeemFromPage(app, 'app', 'null')
  expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([400, null])
})

test('a portal with a secret cannot call from a browser', async () => {
  const { tokens } = await portal.signIn()
  const response = await fromPage('/me', origins[0]!, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  })
  expect(response.status).toBe(400)
  expect(response.headers.get('access-control-allow-origin')).toBeNull()
})

test('discovery and the keys are open to every origin', async () => {
  for (const path of ['/.well-known/openid-configuration', '/jwks']) {
    const response = await fromPage(path, 'https://anyone.example')
    expect(response.headers.get('access-control-allow-origin')).toMatch(/^(\*|https:\/\/anyone\.example)$/)
  }
})
