/** The demo portal on a real broker: what ends its sessions, what must not, and how it vouches for an old account. */
import { SignJWT, importJWK, type JWTPayload } from 'jose'
import { afterAll, expect, test } from 'vitest'
import { openPortal } from '../../src/sandbox/portal/portal.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { listKnownKeys } from '../../src/store/keys.ts'
import { signer } from '../support/keys.ts'
import { freePort } from '../support/private-servers.ts'
import { openWorld, portalDefinition, secretOf } from '../support/world.ts'

const world = await openWorld({ database: 'embedded', state: 'embedded' })
const port = await freePort()
const clientId = 'demo-portal'
const url = `http://127.0.0.1:${port}`
await world.register(
  portalDefinition(clientId, {
    redirect_uris: [`${url}/callback`],
    backchannel_logout_uri: `${url}/backchannel-logout`,
    backchannel_logout_session_required: true,
    policy: {
      private_networks: ['127.0.0.0/8'],
      mapping: { lock: { citizen: { locked: '2099-12-31' } } },
    },
  }),
)
const portal = await openPortal({
  issuer: world.issuer,
  clientId,
  secret: secretOf(clientId),
  scope: 'openid profile legacy_accounts',
  name: 'Cổng minh họa',
  port,
})
afterAll(() => portal.close())
const event = 'http://schemas.openid.net/event/backchannel-logout'

/** Signs with the broker's own key, so that only the claims of a token can be wrong. */
async function brokerKey() {
  const [row] = (await listKnownKeys(world.db)).filter(({ alg }) => alg === 'ES256')
  const jwk = createSeal(world.config.keys.seal, 'signing key').open(row!.sealed!, row!.kid)
  return { kid: row!.kid, key: await importJWK(JSON.parse(jwk) as Record<string, string>, 'ES256') }
}
const broker = await brokerKey()

async function signIn() {
  const visitor = createVisitor()
  await visitor.open(`${portal.url}/login`)
  const me = async () => (await visitor.open(`${portal.url}/me`)).status
  const told = JSON.parse((await visitor.open(`${portal.url}/me`)).body) as { claims: JWTPayload }
  return { visitor, me, sid: told.claims['sid'] as string, sub: told.claims.sub! }
}

function logoutToken(claims: JWTPayload, { header = {}, key = broker.key } = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const usual = {
    iss: world.issuer,
    aud: clientId,
    iat: now,
    exp: now + 120,
    jti: crypto.randomUUID(),
    events: { [event]: {} },
  }
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: broker.kid, typ: 'logout+jwt', ...header })
    .sign(key)
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
const tell = (token: string) =>
  fetch(`${portal.url}/backchannel-logout`, {
    method: 'POST',
    body: new URLSearchParams({ logout_token: token }),
  })

test('a logout token of the broker ends the session, once', async () => {
  const { me, sid, sub } = await signIn()
  const token = await logoutToken({ sid, sub })
  expect((await tell(token)).status).toBe(200)
  expect(await me()).toBe(401)
  expect((await tell(token)).status).toBe(400)
})

test('a logout token ends only the named session', async () => {
  const [one, another] = [await signIn(), await signIn()]
  expect((await tell(await logoutToken({ sid: one.sid }))).status).toBe(200)
  expect([await one.me(), await another.me()]).toEqual([401, 200])
})

test('a forged logout token ends nothing', async () => {
  const { me, sid, sub } = await signIn()
  const now = Math.floor(Date.now() / 1000)
  const { privateKey: stranger } = await signer()
  const unsigned = [
    { alg: 'none', typ: 'logout+jwt' },
    { iss: world.issuer, aud: clientId, iat: now, exp: now + 60, jti: 'x', sid, events: { [event]: {} } },
  ]
  const forged: Record<string, string> = {
    'signed by another key with the kid of ours': await logoutToken({ sid, sub }, { key: stranger }),
    'no signature': `${unsigned.map(encode).join('.')}.`,
    'another issuer': await logoutToken({ sid, iss: 'https://other.example' }),
    'another portal': await logoutToken({ sid, aud: 'another-portal' }),
    'the type of an ID token': await logoutToken({ sid }, { header: { typ: 'JWT' } }),
    'a nonce': await logoutToken({ sid, nonce: 'n' }),
    'no event': await logoutToken({ sid, events: {} }),
    'neither sid nor sub': await logoutToken({}),
    'no jti': await logoutToken({ sid, jti: undefined as unknown as string }),
    'issued too long ago': await logoutToken({ sid, iat: now - 600 }),
    expired: await logoutToken({ sid, exp: now - 60 }),
    'no token at all': '',
  }
  const accepted: string[] = []
  for (const [what, token] of Object.entries(forged))
    if ((await tell(token)).status !== 400) accepted.push(what)
  expect(accepted).toEqual([])
  expect(await me()).toBe(200)
})

test('an authorization response that this browser did not request completes no sign-in', async () => {
  const [mine, theirs] = [createVisitor(), createVisitor()]
  const begun = await theirs.open(`${portal.url}/login`, {
    until: (address) => address.startsWith(`${portal.url}/callback`),
  })
  await mine.open(`${portal.url}/`)
  expect((await mine.open(begun.url)).status).toBe(400)
  expect((await mine.open(`${portal.url}/me`)).status).toBe(401)
})

test('the page for old accounts says that it only pretends to check them, and asks for no password', async () => {
  const visitor = createVisitor()
  expect((await visitor.open(`${portal.url}/`)).body).toContain('href="/old-account">Liên kết tài khoản cũ<')
  const { body } = await visitor.open(`${portal.url}/old-account`)
  expect(body).toContain('<strong>Minh họa:</strong>')
  expect(body.match(/<input/g)).toHaveLength(1)
  expect(body).not.toContain('type="password"')
  const empty = await visitor.open(`${portal.url}/old-account`, { form: { account: ' ' } })
  expect(empty.body).toContain('<p role="alert">Vui lòng nhập tên tài khoản cũ.</p>')
})

test('a citizen who names an old account is asked by the broker, and sees the outcome at the portal', async () => {
  await world.legacyAccounts(clientId, { account_id: '<old> 01', kind: 'citizen' })
  const vouch = async (choice: string) => {
    const visitor = createVisitor()
    const asked = await visitor.open(`${portal.url}/old-account`, { form: { account: '<old> 01' } })
    expect(asked.url).toContain(`${world.issuer}/interaction/`)
    const [, action = ''] = /<form method="post" action="([^"]+)"/.exec(asked.body) ?? []
    return (await visitor.open(new URL(action, asked.url).href, { form: { choice } })).body
  }
  expect(await vouch('skip')).toContain('Tài khoản cũ &lt;old&gt; 01: chưa liên kết, vì Ông/Bà đã bỏ qua.')
  const linked = await vouch('link')
  expect(linked).toContain('Tài khoản cũ &lt;old&gt; 01: đã liên kết với Ông/Bà.')
  expect(linked).toContain('Đã đăng nhập bằng tài khoản cũ, rồi đồng ý liên kết')
})

test('the portal reads the changes of its links with its own token, for which it must be registered', async () => {
  await expect(portal.readChanges()).rejects.toMatchObject({ status: 400 })
})
