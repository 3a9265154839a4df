// The direct dialect of the VNeID simulator: plain OAuth 2 with code and bodies in an envelope.
import { constants, createDecipheriv, privateDecrypt } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { type EnvelopeMode, openSimulator, type Simulator } from '../../src/sandbox/simulator/simulator.ts'
import {
  clients,
  envelope,
  loggedOut,
  type Form,
  usual,
  visitor,
} from '../support/login/simulator-visitor.ts'

let vneid: Simulator
const open = async (mode: EnvelopeMode) => {
  vneid = await openSimulator({ clients, approve: 'an', envelope: mode })
}
afterEach(() => vneid.close())

const { visit, redeem, readUserinfo } = visitor(() => vneid)
const { response_type, client_id, redirect_uri, scope } = usual
const directToken = (form: Form) => redeem(form, '/token')

/** The callback's query exactly as a browser would send it. It is split by hand, because a form parser would decode each `+`. */
async function callback(): Promise<{
  code: string
  key: string
  names: string[]
  state: string | undefined
}> {
  const asked = { response_type, client_id, redirect_uri, scope, state: 'a&b' }
  const query = (await visit('/auth', asked)).headers.get('location')?.split('?')[1] ?? ''
  const fields = Object.fromEntries(query.split('&').map((part) => part.split(/=(.*)/))) as Record<
    string,
    string
  >
  const { code = '', encrypt_key: key = '', state } = fields
  return { code, key, state, names: Object.keys(fields) }
}

type Wrapped = { data: string; key: string }

function unwrap(mode: EnvelopeMode, { data, key }: Wrapped): string {
  const padding = constants.RSA_PKCS1_PADDING
  const aesKey = privateDecrypt({ key: envelope.privateKey, padding }, Buffer.from(key, 'base64'))
  const bytes = Buffer.from(data, 'base64')
  const iv = mode === 'cbc' ? bytes.subarray(0, 16) : null
  const decipher = createDecipheriv(`aes-256-${mode}`, aesKey, iv)
  return decipher.update(bytes.subarray(iv?.length ?? 0), undefined, 'utf8') + decipher.final('utf8')
}

/** A client's request to /token: the decrypted code and the unchanged `encrypt_key`. */
async function redemption(mode: EnvelopeMode): Promise<{ code: string; encrypt_key: string }> {
  const { code, key } = await callback()
  return { code: unwrap(mode, { data: code, key }), encrypt_key: key }
}

test.each(['ecb', 'cbc'] as const)(
  'with %s the code, the token and the userinfo are encrypted',
  async (mode) => {
    await open(mode)
    const answer = await directToken(await redemption(mode))
    const granted = JSON.parse(unwrap(mode, (await answer.json()) as Wrapped)) as { access_token: string }
    expect(Object.keys(granted)).toEqual(['access_token', 'token_type', 'expires_in'])
    const body = (await (await readUserinfo(granted.access_token, '/userinfo')).json()) as Wrapped
    expect(Object.keys(body)).toEqual(['data', 'key'])
    const claims: unknown = JSON.parse(unwrap(mode, body))
    expect(claims).toMatchObject({ citizenPid: citizenNamed('an').number, accountType: '1' })
    expect(claims).not.toHaveProperty('sub')
  },
)

test('the state is returned escaped', async () => {
  await open('ecb')
  expect(await callback()).toMatchObject({ state: 'a%26b', names: ['code', 'encrypt_key', 'state'] })
})

test('a bare + reaches the client unescaped, and a client that decodes it as a space is refused', async () => {
  await open('ecb')
  let form = await redemption('ecb')
  while (!form.encrypt_key.includes('+')) form = await redemption('ecb')
  expect((await directToken({ ...form, encrypt_key: form.encrypt_key.replaceAll('+', ' ') })).status).toBe(
    400,
  )
})

test('an encrypted code, and a code without its encrypt_key, are refused at the token endpoint', async () => {
  await open('ecb')
  const { code, key } = await callback()
  expect((await directToken({ code, encrypt_key: key })).status).toBe(400)
  expect((await directToken({ code: unwrap('ecb', { data: code, key }) })).status).toBe(400)
})

test('without an envelope everything is plain, and a code works once', async () => {
  await open('none')
  const { code, names } = await callback()
  expect(names).toEqual(['code', 'state'])
  const { access_token } = (await (await directToken({ code })).json()) as { access_token: string }
  const claims: unknown = await (await readUserinfo(access_token, '/userinfo')).json()
  expect(claims).toMatchObject({ fullName: 'Nguyễn Văn An' })
  expect((await directToken({ code })).status).toBe(400)
})

test('a code of one client is refused for another client', async () => {
  await open('none')
  const { code } = await callback()
  const other = { client_id: 'other', client_secret: 'another' }
  expect((await directToken({ code, ...other })).status).toBe(400)
})

test.each(['ecb', 'cbc'] as const)(
  'a simulated fault flips one bit of a body or of a code with %s',
  async (mode) => {
    await open(mode)
    const form = await redemption(mode)
    vneid.tamper({ alteredBody: true, alteredCode: true })
    const body = unwrap(mode, (await (await directToken(form)).json()) as Wrapped)
    expect(() => JSON.parse(body) as unknown).toThrow(SyntaxError)
    const answer = await directToken(await redemption(mode))
    expect(await answer.json()).toMatchObject({ error: 'invalid_grant' })
  },
)

test('a simulated fault sends bodies without the envelope', async () => {
  await open('cbc')
  vneid.tamper({ plainBody: true })
  expect(await (await directToken(await redemption('cbc'))).json()).toHaveProperty('access_token')
})

test('a code and a token of one dialect are refused by the other', async () => {
  await open('none')
  expect((await redeem({ code: (await callback()).code })).status).toBe(400)
  const { code } = await callback()
  const { access_token } = (await (await directToken({ code })).json()) as { access_token: string }
  expect((await readUserinfo(access_token, '/oidc/userinfo')).status).toBe(401)
})

test('logout in the direct dialect redirects only to a registered URI, with the state', async () => {
  await open('none')
  const left = await visit('/logout', { post_logout_redirect_uri: loggedOut, state: 's 1' })
  expect(left.headers.get('location')).toBe(`${loggedOut}?state=s%201`)
  expect((await visit('/logout', { post_logout_redirect_uri: 'https://evil.example/' })).status).toBe(400)
})
