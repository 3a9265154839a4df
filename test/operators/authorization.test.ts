import { createHmac } from 'node:crypto'
import { type JWK, UnsecuredJWT } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { nameOf } from '../../src/admin/operation.ts'
import { type Role, roles } from '../../src/vocabulary.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { adminRoles } from '../support/operators/admin-roles.ts'
import { assertion, knownOperator } from '../support/operators/admin-server.ts'
import { openWorld, type World } from '../support/world.ts'

let world: World
const keys = new Map<Role, JWK>()
/** An operator with all roles, so that only the credential can be wrong. */
let master: JWK
let barred: JWK

beforeAll(async () => {
  // The limiter would refuse a caller that fails this often.
  const limits = { admin: { failures: 1_000_000, address: 1_000_000 } }
  world = await openWorld({ environment: { LIMITS: JSON.stringify(limits) } })
  for (const role of roles) keys.set(role, await knownOperator(world, `the-${role}`, [role]))
  master = await knownOperator(world, 'master', roles)
  barred = await knownOperator(world, 'barred', roles)
  await world.db.query(
    `update operator set disabled_at = now(), disabled_by = 'local', disabled_reason = 'test' where id = 'barred'`,
  )
})

/** Sends an impossible request: authorization is decided before the request is checked. */
async function ask(
  name: string,
  authorization: string | undefined,
): Promise<{ status: number; code: unknown }> {
  const [method = '', path = ''] = name.split(' ')
  const response = await fetch(`${world.adminUrl}${path.replaceAll(/:\w+/g, 'nobody')}`, {
    method,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(method !== 'GET' && { 'content-type': 'application/json' }),
    },
    ...(method !== 'GET' && { body: '{"no such field":true}' }),
  })
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') === true
  const body = isProblem ? await response.json() : {}
  return { status: response.status, code: (body as { code?: unknown }).code }
}
const sign = (id: string, key: JWK, changes: Record<string, unknown> = {}) =>
  assertion(world, id, key, changes)
const now = () => Math.floor(Date.now() / 1000)

test('the separate table lists every operation, and no other', () => {
  expect(world.adminOperations.map(nameOf).toSorted()).toEqual(Object.keys(adminRoles).toSorted())
})

test.each(Object.entries(adminRoles))(
  '%s is permitted for the roles that need it, and for no other',
  async (name, may) => {
    for (const role of roles) {
      const { status, code } = await ask(name, `Bearer ${await sign(`the-${role}`, keys.get(role)!)}`)
      const isIn = !(code === 'forbidden' && status === 403)
      expect({ role, isIn }).toEqual({ role, isIn: may.includes(role) })
      expect({ role, status }).not.toEqual({ role, status: 401 })
      expect(status).toBeLessThan(500)
    }
  },
)

test.each(Object.keys(adminRoles))('%s is for nobody whose credential is not good', async (name) => {
  const stranger = (await generateOperatorKey()).privateKey
  const replayed = await sign('master', master)
  await ask('GET /v1/whoami', `Bearer ${replayed}`)
  const claims = { iss: 'master', sub: 'master', aud: world.config.admin.audience, jti: crypto.randomUUID() }
  const times = { iat: now(), exp: now() + 60 }
  const credentials: Record<string, string | undefined> = {
    none: undefined,
    'an empty one': 'Bearer ',
    'a password': 'Basic bWFzdGVyOm1hc3Rlcg==',
    'used before': `Bearer ${replayed}`,
    expired: `Bearer ${await sign('master', master, { iat: now() - 100, exp: now() - 16 })}`,
    'of the future': `Bearer ${await sign('master', master, { iat: now() + 60, exp: now() + 120 })}`,
    'for the portals': `Bearer ${await sign('master', master, { aud: world.issuer })}`,
    'for two audiences': `Bearer ${await sign('master', master, { aud: [claims.aud, world.issuer] })}`,
    'by a key that nobody has': `Bearer ${await sign('master', stranger)}`,
    "by another operator's key": `Bearer ${await sign('master', keys.get('viewer')!)}`,
    'of a disabled operator': `Bearer ${await sign('barred', barred)}`,
    'of nobody': `Bearer ${await sign('nobody', stranger)}`,
    unsigned: `Bearer ${new UnsecuredJWT({ ...claims, ...times }).encode()}`,
    'signed with what is public': `Bearer ${confused({ ...claims, ...times }, master)}`,
  }
  for (const [what, credential] of Object.entries(credentials))
    expect({ what, ...(await ask(name, credential)) }).toEqual({ what, status: 401, code: 'unauthenticated' })
})

test.each(Object.keys(adminRoles))('%s is on no other port', async (name) => {
  const [method = '', path = ''] = name.split(' ')
  for (const url of [world.issuer, world.operationsUrl]) {
    const authorization = `Bearer ${await sign('master', master)}`
    const address = `${url}${path.replaceAll(/:\w+/g, 'nobody')}`
    expect((await fetch(address, { method, headers: { authorization } })).status).toBe(404)
  }
})

test('a replaced key is refused', async () => {
  const old = await knownOperator(world, 'renewed', ['viewer'])
  const { publicKey } = await generateOperatorKey()
  expect(await ask('GET /v1/whoami', `Bearer ${await sign('renewed', old)}`)).toMatchObject({ status: 200 })
  await world.db.query(`update operator set public = $1 where id = 'renewed'`, [JSON.stringify(publicKey)])
  expect(await ask('GET /v1/whoami', `Bearer ${await sign('renewed', old)}`)).toMatchObject({ status: 401 })
})

/** HS256 with the public key as its secret, for a verifier that believes the header. */
function confused(claims: object, { x = '', y = '' }: JWK): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256' })}.${part(claims)}`
  const secret = JSON.stringify({ kty: 'EC', crv: 'P-256', x, y })
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
