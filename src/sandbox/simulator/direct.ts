/**
 * The direct dialect, as one implementer reported it: plain OAuth 2 without ID token, nonce, PKCE or discovery. With an
 * envelope, the callback has `code` as AES ciphertext and the encrypted AES key in `encrypt_key`. The client decrypts the
 * code, and sends it in `code` together with the unchanged `encrypt_key`. The bodies of /token and /userinfo are
 * `{ data, key }`; errors are plain JSON.
 */
import { createCipheriv, constants, type KeyObject, publicEncrypt, randomBytes } from 'node:crypto'
import type { Router } from '@koa/router'
import type { Context } from 'koa'
import { bySecret } from './client.ts'
import {
  bearerGrant,
  type Desk,
  type EnvelopeMode,
  knownReturn,
  now,
  readForm,
  Refusal,
  releasedClaims,
  sendTo,
} from './desk.ts'
import { signedOutPage } from './pages.ts'
import { meetCitizen } from './sign-in.ts'

export function directDialect({ router, desk }: { router: Router; desk: Desk }): void {
  const authorize = (ctx: Context) => authorization(ctx, desk)
  router.get('/auth', authorize).post('/auth', authorize)

  router.post('/token', async (ctx) => {
    const form = await readForm(ctx)
    const client = bySecret(desk, form.get('client_id'), form.get('client_secret'))
    const grant = desk.codes.take(form.get('code'))
    const fits =
      form.get('grant_type') === 'authorization_code' &&
      grant?.dialect === 'direct' &&
      grant.clientId === client.clientId &&
      grant.redirectUri === form.get('redirect_uri') &&
      grant.encryptKey === (form.get('encrypt_key') ?? undefined)
    if (!fits)
      throw new Refusal(
        400,
        'invalid_grant',
        'the code, client_id, redirect_uri or encrypt_key does not match',
      )
    answer(ctx, desk, client.clientId, {
      access_token: desk.tokens.put(grant),
      token_type: 'Bearer',
      expires_in: desk.tokens.seconds,
    })
  })

  router.get('/userinfo', (ctx) => {
    const { clientId, citizen } = bearerGrant(ctx, desk, 'direct')
    answer(ctx, desk, clientId, releasedClaims(desk, citizen))
  })

  // The request names no client, so any registered URI is accepted.
  router.get('/logout', (ctx) => {
    const query = new URLSearchParams(ctx.querystring)
    const returnTo = query.get('post_logout_redirect_uri')
    if (returnTo === null) {
      ctx.type = 'html'
      ctx.body = signedOutPage().toString()
      return
    }
    if (![...desk.clients.values()].some((client) => client.postLogoutRedirectUris?.includes(returnTo))) {
      throw new Refusal(400, 'invalid_request', 'post_logout_redirect_uri is not registered')
    }
    sendTo(ctx, returnTo, withState([], query).join('&'))
  })
}

async function authorization(ctx: Context, desk: Desk): Promise<void> {
  const query = new URLSearchParams(ctx.querystring)
  const { client, redirectUri } = knownReturn(desk, query)
  const back = (parts: string[]) => sendTo(ctx, redirectUri, withState(parts, query).join('&'))
  if (query.get('response_type') !== 'code') return back(['error=unsupported_response_type'])
  if (query.get('scope') !== 'openid') return back(['error=invalid_scope'])
  const outcome = await meetCitizen(ctx, desk)
  if (outcome === undefined) return
  if ('error' in outcome) return back(Object.entries(outcome).map(([name, value]) => `${name}=${value}`))

  const { citizen } = outcome
  const grant = {
    dialect: 'direct',
    clientId: client.clientId,
    redirectUri,
    citizen,
    authTime: now(),
  } as const
  if (desk.envelope === 'none') return back([`code=${desk.codes.put(grant)}`])
  const code = randomBytes(32).toString('base64url')
  const wrapped = wrap(code, envelopeKey(desk, client.clientId), desk.envelope)
  desk.codes.put({ ...grant, encryptKey: wrapped.key }, code)
  // Base64 is sent with a bare `+`, as the real VNeID was seen to do.
  back([
    `code=${desk.faults.alteredCode ? flipped(wrapped.data) : wrapped.data}`,
    `encrypt_key=${wrapped.key}`,
  ])
}

function withState(parts: string[], query: URLSearchParams): string[] {
  const state = query.get('state')
  return state === null ? parts : [...parts, `state=${encodeURIComponent(state)}`]
}

function answer(ctx: Context, desk: Desk, clientId: string, body: Record<string, unknown>): void {
  ctx.set('Cache-Control', 'no-store')
  if (desk.envelope === 'none' || desk.faults.plainBody) {
    ctx.body = body
    return
  }
  const { data, key } = wrap(JSON.stringify(body), envelopeKey(desk, clientId), desk.envelope)
  ctx.body = { data: desk.faults.alteredBody ? flipped(data) : data, key }
}

function envelopeKey(desk: Desk, clientId: string): KeyObject {
  const key = desk.envelopeKeys.get(clientId)
  if (key === undefined) throw new Refusal(400, 'invalid_client', 'this client has no envelope key')
  return key
}

/** Encrypts with AES-256 under a new key, and the key with RSA PKCS#1 v1.5. With `cbc` the IV comes first. All base64. */
function wrap(
  text: string,
  publicKey: KeyObject,
  mode: Exclude<EnvelopeMode, 'none'>,
): { data: string; key: string } {
  const aesKey = randomBytes(32)
  const iv = mode === 'cbc' ? randomBytes(16) : Buffer.alloc(0)
  const cipher = createCipheriv(`aes-256-${mode}`, aesKey, mode === 'cbc' ? iv : null)
  return {
    data: Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final()]).toString('base64'),
    key: publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, aesKey).toString('base64'),
  }
}

function flipped(base64: string): string {
  const bytes = Buffer.from(base64, 'base64')
  bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0)
  return bytes.toString('base64')
}
