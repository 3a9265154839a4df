/** A refused request is logged in known sentences. No text of the caller reaches the log. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { knownSentence } from '../../src/http/engine-sentences.ts'
import { newNumber } from '../support/operators/operators.ts'
import { openWorld, portalDefinition, secretOf } from '../support/world.ts'

const world = await openWorld()
await world.register(portalDefinition('portal-a', { scope: 'openid profile legacy_accounts' }))
const basic = `Basic ${btoa(`portal-a:${encodeURIComponent(secretOf('portal-a'))}`)}`
const number = newNumber()
/** Looks like a host, a scope, a parameter's value: a caller may put it anywhere. */
const text = `x${number}`

const form = (
  path: string,
  fields: Record<string, string> | string,
  headers: Record<string, string> = {},
) => ({
  path,
  init: { method: 'POST', headers, body: new URLSearchParams(fields) },
})
const get = (path: string, query: Record<string, string>, headers: Record<string, string> = {}) => ({
  path: `${path}?${new URLSearchParams(query).toString()}`,
  init: { headers },
})
const signIn = {
  client_id: 'portal-a',
  response_type: 'code',
  redirect_uri: 'http://127.0.0.1:9/cb',
  scope: 'openid',
}
const code = { grant_type: 'authorization_code', code: 'x', redirect_uri: 'http://127.0.0.1:9/cb' }
const authorization = basic

const requests: Record<string, { path: string; init: RequestInit }> = {
  'an origin': form('/token', code, { authorization, origin: `https://${text}.example` }),
  'an origin at userinfo': get('/me', {}, { authorization: 'Bearer x', origin: `https://${text}` }),
  'a grant type': form('/token', { grant_type: text }, { authorization }),
  'a code': form('/token', { ...code, code: text }, { authorization }),
  'a verifier': form('/token', { ...code, code_verifier: `${text}~!` }, { authorization }),
  'a media type': {
    path: '/token',
    init: { method: 'POST', headers: { authorization, 'content-type': `text/${text}` }, body: text },
  },
  'a charset': {
    path: '/token',
    init: {
      method: 'POST',
      headers: { authorization, 'content-type': `application/x-www-form-urlencoded; charset=${text}` },
      body: 'a=1',
    },
  },
  'a client': form('/token', { ...code, client_id: text, client_secret: text }),
  'an assertion': form('/token', { ...code, client_assertion: text, client_assertion_type: text }),
  'an assertion’s claims': form('/token', {
    ...code,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: [{ alg: text, typ: text }, { iss: text, sub: 'portal-a', aud: text }, text]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.'),
  }),
  'an authorization header': form('/token', code, { authorization: `Basic ${btoa(`${text}:%`)}` }),
  'a scheme': get('/me', {}, { authorization: `${text} ${text}` }),
  'a proof': get('/me', {}, { authorization: 'DPoP x', dpop: text }),
  'a scope': form('/token', { grant_type: 'client_credentials', scope: text }, { authorization }),
  'a scope at the sign-in': get('/auth', { ...signIn, scope: `openid ${text}` }),
  'a prompt': get('/auth', { ...signIn, prompt: text }),
  'a response type': get('/auth', { ...signIn, response_type: text }),
  'a response mode': get('/auth', { ...signIn, response_mode: text }),
  'a return address': get('/auth', { ...signIn, redirect_uri: `https://${text}.example/${text}` }),
  claims: get('/auth', { ...signIn, claims: `{"${text}"` }),
  'a claim': get('/auth', { ...signIn, claims: JSON.stringify({ id_token: { [text]: text } }) }),
  'a maximum age': get('/auth', { ...signIn, max_age: text }),
  'a challenge': get('/auth', { ...signIn, code_challenge: `${text}!`, code_challenge_method: text }),
  'a request object': get('/auth', { ...signIn, request: text }),
  'a pushed request': get('/auth', { client_id: 'portal-a', request_uri: text }),
  'a pushed return address': form(
    '/request',
    { ...signIn, redirect_uri: `https://${text}` },
    { authorization },
  ),
  'a legacy account': form('/request', { ...signIn, legacy_account_portal: text }, { authorization }),
  'a parameter given twice': form(
    '/request',
    `${new URLSearchParams(signIn).toString()}&${text}=1&${text}=2`,
    { authorization },
  ),
  'a hint at the logout': get('/session/end', { id_token_hint: text }),
  'an address after the logout': get('/session/end', {
    client_id: 'portal-a',
    post_logout_redirect_uri: `https://${text}`,
  }),
  'a token type': form('/token/introspection', { token: text, token_type_hint: text }, { authorization }),
  'a path': get(`/auth/${text}`, {}),
}

describe('no text of the caller reaches the log from', () => {
  beforeEach(() => void (world.logLines.length = 0))

  test.each(Object.entries(requests))('%s', async (_, { path, init }) => {
    const { status } = await fetch(world.issuer + path, { redirect: 'manual', ...init })
    expect(status).toBeLessThan(500)
    expect(world.logLines.some((line) => line.includes('"request.served"'))).toBe(true)
    expect(world.logLines.join('')).not.toContain(number)
  })
})

test('a sentence is logged without its values, except names of parameters', () => {
  expect(knownSentence('authorization code not found')).toBe('… not found')
  expect(knownSentence(`origin https://${text} not allowed for client: portal-a`)).toBe(
    'origin … not allowed for client: …',
  )
  expect(knownSentence("missing required parameters 'code', 'redirect_uri', and 'scope'")).toBe(
    "missing required parameters 'code', 'redirect_uri', and 'scope'",
  )
  expect(knownSentence(`'code' and '${text}' parameters must not be provided twice`)).toBe(
    '… parameters must not be provided twice',
  )
  expect(knownSentence('client mismatch')).toBe('client mismatch')
  expect(knownSentence('interaction_gone')).toBe('interaction_gone')
  expect(knownSentence(text)).toBeUndefined()
})

/** Features of the engine that are off. */
const off =
  /ciba|registration|credential|configuration|pre_authorized|client_id_metadata|normalize_auth|check_rar|attest/

test('every sentence with which the engine or src/oidc refuses a request is known', () => {
  const sources = ['node_modules/oidc-provider/lib', 'src/oidc'].flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.[jt]s$/.test(name) && !off.test(name))
      .map((name) => readFileSync(join(root, name), 'utf8').replaceAll('\\\n', '')),
  )
  const refusal =
    /new (?:errors\.)?(?:Invalid(?!ClientMetadata|Proof|BindingMessage)|Unsupported|Access|Unmet|LoginReq|Insufficient|UseDpop|Custom)\w*\((?:\s*'\w+',)?\s*('(?:[^'\\]|\\.)*'|`[^`]*`|"[^"]*")/g
  const texts = sources.flatMap((source) =>
    [...source.matchAll(refusal)].map(([, literal]) =>
      literal!
        .slice(1, -1)
        .replaceAll("\\'", "'")
        .replaceAll(/\$\{formatters\.pluralize\('(\w+)'.*?\)\}/g, '$1')
        .replaceAll(/\$\{[^}]*\}/g, 'VALUE'),
    ),
  )
  expect(texts.length).toBeGreaterThan(120)
  expect(texts.filter((one) => knownSentence(one) === undefined)).toEqual([])
})
