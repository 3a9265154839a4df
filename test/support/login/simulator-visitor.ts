/** A client of the simulator: registered clients, a minimal browser and a back channel. */
import { createHash, generateKeyPairSync } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import { expect } from 'vitest'
import type { Simulator } from '../../../src/sandbox/simulator/simulator.ts'

export const redirectUri = 'http://127.0.0.1:9/callback'
export const loggedOut = 'http://127.0.0.1:9/logged-out'
export const clientSecret = 'a secret: 100% +'
const urls = { redirectUris: [redirectUri], postLogoutRedirectUris: [loggedOut] }
export const envelope = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const envelopePublicKey = envelope.publicKey.export({ type: 'spki', format: 'pem' }).toString()
export const signer = await generateKeyPair('ES256')
export const clients = [
  { clientId: 'broker', clientSecret, envelopePublicKey, ...urls },
  { clientId: 'other', clientSecret: 'another', envelopePublicKey, ...urls },
  { clientId: 'signer', jwks: { keys: [await exportJWK(signer.publicKey)] }, ...urls },
]

export const verifier = 'v'.repeat(43)
export const usual = {
  response_type: 'code',
  client_id: 'broker',
  redirect_uri: redirectUri,
  scope: 'openid',
  state: 'state & more',
  nonce: 'n-1',
  code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  code_challenge_method: 'S256',
}
export type Changes = Readonly<Record<string, string | undefined>>
export type Form = Readonly<Record<string, string>>
export type Tokens = { access_token: string; id_token: string }

/** Expects a redirect and returns its query. */
export async function answerTo(response: Response | Promise<Response>): Promise<URLSearchParams> {
  const { status, headers } = await response
  expect(status).toBe(303)
  return new URL(headers.get('location') ?? '').searchParams
}

export function visitor(simulator: () => Simulator) {
  const visit = (path: string, query: Changes, form?: Form): Promise<Response> => {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
    const post = form && { method: 'POST', body: new URLSearchParams(form) }
    const address = `${simulator().url}${path}?${new URLSearchParams(given).toString()}`
    return fetch(address, { redirect: 'manual', headers: { accept: 'text/html' }, ...post })
  }
  /** Sends the usual authorization request with these changes; undefined removes a parameter. */
  const authorize = (changes: Changes = {}, form?: Form) =>
    visit('/oidc/authorize', { ...usual, ...changes }, form)
  const codeFor = async (changes?: Changes) => (await answerTo(authorize(changes))).get('code') ?? ''
  const post = (path: string, form: Form) =>
    fetch(`${simulator().url}${path}`, { method: 'POST', body: new URLSearchParams(form) })
  const redeem = (form: Form, path = '/oidc/token') =>
    post(path, {
      grant_type: 'authorization_code',
      redirect_uri: redirectUri,
      client_id: 'broker',
      client_secret: clientSecret,
      ...form,
    })
  const tokens = async (changes?: Changes): Promise<Tokens> => {
    const response = await redeem({ code: await codeFor(changes), code_verifier: verifier })
    expect(response.status).toBe(200)
    return (await response.json()) as Tokens
  }
  const readUserinfo = (token: string, path = '/oidc/userinfo') =>
    fetch(`${simulator().url}${path}`, { headers: { authorization: `Bearer ${token}` } })
  const userinfo = async (token: string) =>
    (await (await readUserinfo(token)).json()) as Record<string, string>
  return { visit, authorize, codeFor, post, redeem, tokens, readUserinfo, userinfo }
}
