import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSimulator } from '../../src/sandbox/simulator/simulator.ts'
import type { Simulator } from '../../src/sandbox/simulator/simulator.ts'
import { clients, issuer, newTransaction, openOidc, refusal, signIn } from '../support/login/upstream.ts'

let vneid: Simulator
beforeAll(async () => {
  vneid = await openSimulator({ clients, approve: 'an' })
})
afterAll(() => vneid.close())

test('if the endpoints are settings, no discovery happens', async () => {
  const before = vneid.requests.discovery
  const fixed = openOidc(vneid.issuer, {
    UPSTREAM_DISCOVERY: 'false',
    UPSTREAM_AUTHORIZATION_ENDPOINT: `${vneid.url}/oidc/authorize`,
    UPSTREAM_TOKEN_ENDPOINT: `${vneid.url}/oidc/token`,
    UPSTREAM_JWKS_URI: `${vneid.url}/jwks`,
  })
  expect((await signIn(fixed)).kind).toBe('citizen')
  expect(vneid.requests.discovery).toBe(before)
})

async function serve(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() }
}

test('a failed discovery is tried again, and concurrent callers share one attempt', async () => {
  let calls = 0
  const flaky = await serve((_request, response) => {
    calls += 1
    if (calls === 1) return response.writeHead(503).end()
    const endpoints = {
      authorization_endpoint: `${flaky.url}/a`,
      token_endpoint: `${flaky.url}/t`,
      jwks_uri: `${flaky.url}/j`,
    }
    return response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ issuer: flaky.url, ...endpoints }))
  })
  const patient = openOidc(flaky.url)
  const begin = () => patient.begin(newTransaction(), {})
  await Promise.all([
    expect(begin()).rejects.toMatchObject(refusal('upstream_unavailable', /503/)),
    expect(begin()).rejects.toMatchObject(refusal('upstream_unavailable', /503/)),
  ])
  expect(calls).toBe(1)
  const addresses = await Promise.all([begin(), begin(), begin()])
  expect(addresses.every((address) => address.startsWith(`${flaky.url}/a?`))).toBe(true)
  expect(calls).toBe(2)
  flaky.close()
})

test('a discovery document of another issuer is refused', async () => {
  const impostor = await serve((_request, response) =>
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ issuer: 'https://vneid.example' })),
  )
  await expect(openOidc(impostor.url).begin(newTransaction(), {})).rejects.toMatchObject(
    refusal('upstream_answer_invalid', /^discovery/),
  )
  impostor.close()
})

test('the upstream is ready while VNeID publishes its keys, and logout redirects to VNeID and back', async () => {
  const fresh = openOidc(vneid.issuer)
  await fresh.ready()
  const asked = vneid.requests.jwks
  await fresh.ready()
  expect(vneid.requests.jwks).toBe(asked)
  const away = (await fresh.end({ state: 's 1', returnTo: `${issuer}/logged-out` })) ?? ''
  const back = await fetch(away, { redirect: 'manual' })
  expect(back.headers.get('location')).toMatch(new RegExp(`^${issuer}/logged-out\\?state=s[+%20]+1$`))
  const gone = openOidc('http://127.0.0.1:1')
  expect(await gone.end({ state: 's', returnTo: `${issuer}/logged-out` })).toBeUndefined()
  await expect(gone.ready()).rejects.toMatchObject(refusal('upstream_unavailable', /ECONNREFUSED/))
})
