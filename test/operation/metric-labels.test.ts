/** The number of series does not depend on what callers send: a label has a closed set of values. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { basic, encode, post, send, sendRaw, wish } from '../support/wire.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
await world.register(portalDefinition('portal-a'))
const admin = await world.operator('an.nguyen', ['viewer'])

/** Names and labels, without values. Node's own, and those that a clock sets, do not come from requests. */
async function series(): Promise<string[]> {
  const text = await (await fetch(`${world.operationsUrl}/metrics`)).text()
  return text
    .split('\n')
    .filter((line) => /^(?!nodejs_|process_|database_connections)\w+\{/.test(line))
    .map((line) => line.slice(0, line.lastIndexOf('}') + 1))
}

/** Writes a new word wherever a caller may write one. */
async function invent(): Promise<string> {
  const word = `w${randomBytes(6).toString('hex')}`
  const form = { method: 'POST', body: new URLSearchParams({ [word]: word, client_id: word }) }
  const { issuer } = world
  const url = (path: string) => `${issuer}${path}`
  const asked = [
    ...['/', '/auth/', '/interaction/', '/device/', '/legacy-accounts/', '/.well-known/', '/session/'].map(
      (path) => send(url(path + word)),
    ),
    ...['authorization', 'token', 'request', 'me', 'figures'].map((path) =>
      send(url(`/${path}/${word}/${word}`)),
    ),
    ...[
      '/auth',
      '/token',
      '/request',
      '/token/introspection',
      '/token/revocation',
      '/device/auth',
      '/session/end',
    ].map((path) => send(url(path), form)),
    ...Object.keys(wish('portal-a')).map((name) =>
      send(url(`/auth?${encode(wish('portal-a', { [name]: word }))}`)),
    ),
    ...['error', 'error_description', 'iss', 'code', 'state'].map((name) =>
      send(url(`/callback?${name}=${word}`)),
    ),
    send(
      url('/session/end?' + encode({ client_id: word, id_token_hint: word, post_logout_redirect_uri: word })),
    ),
    send(url('/me'), { headers: { authorization: `${word} ${word}`, dpop: word, traceparent: word } }),
    send(url('/jwks'), { method: 'REPORT' }),
    post(world, '/token', { grant_type: word }, basic('portal-a')),
    post(
      world,
      '/token',
      { grant_type: 'authorization_code', code: word, redirect_uri: word },
      basic('portal-a'),
    ),
    post(world, '/token', { grant_type: 'client_credentials', scope: word }, basic(word, word)),
    send(`${world.adminUrl}/v1/${word}`),
    admin.call('GET', `/v1/clients/${word}`).catch(() => undefined),
    sendRaw(world, `${word.toUpperCase()} /${word} HTTP/1.1\r\nHost: ${word}\r\nConnection: close\r\n\r\n`),
  ]
  await Promise.all(asked)
  // VNeID's answer names an error of its own.
  const visitor = createVisitor()
  const away = await visitor.open(url(`/auth?${encode(wish('portal-a'))}`), {
    until: (address) => !address.startsWith(issuer),
  })
  const state = new URL(away.url).searchParams.get('state')!
  await visitor.open(url(`/callback?${encode({ state, error: word, error_description: word })}`), {
    until: (address) => !address.startsWith(issuer),
  })
  return word
}

test('no request adds a series, whatever it says, and no label holds what a caller wrote', async () => {
  const words = [await invent(), await invent()]
  const before = await series()
  for (let round = 0; round < 5; round++) words.push(await invent())
  const after = await series()
  expect(after).toEqual(before)
  for (const word of words) expect(after.join('\n').toLowerCase()).not.toContain(word)
})
