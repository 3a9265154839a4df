import { type JWK, SignJWT, UnsecuredJWT, importJWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { createOperator } from '../../src/operators/operators.ts'
import type { Role } from '../../src/vocabulary.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { errorTable } from '../../src/errors.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld, type World } from '../support/world.ts'

const log = createLog({ level: 'silent' })
const now = () => Math.floor(Date.now() / 1000)

/** An operator whose key the test holds. */
async function known(world: World, id: string, given: readonly Role[]): Promise<JWK> {
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  await createOperator({ db: world.db, log, actor: 'local' }, { id, roles: given, key: publicKey })
  return privateKey
}

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly challenge: string | null
}
const whoamiAs = async (world: World, authorization?: string): Promise<Answer> => {
  const headers = authorization === undefined ? {} : { authorization }
  const response = await fetch(`${world.adminUrl}/v1/whoami`, { headers })
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, body, challenge: response.headers.get('www-authenticate') }
}

describe('an operator', () => {
  let world: World
  let key: JWK
  const good = () => ({
    iss: 'an.officer',
    sub: 'an.officer',
    aud: `${world.issuer}/admin`,
    iat: now(),
    exp: now() + 60,
    jti: crypto.randomUUID() as string,
  })
  const sign = async (
    claims: Record<string, unknown>,
    by: JWK = key,
    header: { alg: string } = { alg: 'ES256' },
  ) => new SignJWT(claims).setProtectedHeader(header).sign(await importJWK(by, header.alg))
  const whoami = (token: string) => whoamiAs(world, `Bearer ${token}`)

  beforeAll(async () => {
    world = await openWorld()
    key = await known(world, 'an.officer', ['viewer'])
  })

  test('proves who it is with a signed assertion, which works once', async () => {
    const token = await sign(good())
    expect(await whoami(token)).toMatchObject({
      status: 200,
      body: { id: 'an.officer', roles: ['viewer'] },
    })
    expect(await whoami(token)).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })

  test('of two simultaneous uses of one assertion exactly one passes', async () => {
    for (let round = 0; round < 5; round++) {
      const token = await sign(good())
      const outcomes = await Promise.all([1, 2, 3, 4].map(async () => (await whoami(token)).status))
      expect(outcomes.toSorted((a, b) => a - b)).toEqual([200, 401, 401, 401])
    }
  })

  test('gets the same refusal for every fault of the assertion', async () => {
    const stranger = (await generateOperatorKey()).privateKey
    const neighbour = await known(world, 'a.neighbour', ['security_officer'])
    const barred = await known(world, 'barred', ['viewer'])
    await world.db.query(
      `update operator set disabled_at = now(), disabled_by = 'local', disabled_reason = 'test' where id = 'barred'`,
    )
    const { jti: _, ...withoutJti } = good()
    const { exp: __, ...withoutExp } = good()
    const { iat: ___, ...withoutIat } = good()
    const secret = { kty: 'oct', k: Buffer.from(JSON.stringify(key.x)).toString('base64url') }
    const ours = await sign(good())
    const tokens: Record<string, string> = {
      'a clock that is ahead': await sign({ ...good(), iat: now() + 60, exp: now() + 120 }),
      'a life of more than two minutes': await sign({ ...good(), exp: now() + 121 }),
      expired: await sign({ ...good(), iat: now() - 100, exp: now() - 16 }),
      'issued long ago': await sign({ ...good(), iat: now() - 136, exp: now() + 60 }),
      'no jti': await sign(withoutJti),
      'a jti that is too short': await sign({ ...good(), jti: 'fifteen-letters' }),
      'a jti that is too long': await sign({ ...good(), jti: 'x'.repeat(65) }),
      'no exp': await sign(withoutExp),
      'no iat': await sign(withoutIat),
      'the audience of the portals': await sign({ ...good(), aud: world.issuer }),
      'two audiences': await sign({ ...good(), aud: [`${world.issuer}/admin`, world.issuer] }),
      'a key that nobody has': await sign(good(), stranger),
      "another operator's key": await sign(good(), neighbour),
      "another operator's name": await sign({ ...good(), iss: 'a.neighbour', sub: 'a.neighbour' }),
      'a subject that is not the issuer': await sign({ ...good(), sub: 'a.neighbour' }),
      'an operator that nobody knows': await sign({ ...good(), iss: 'nobody', sub: 'nobody' }),
      'an id with a NUL': await sign({ ...good(), iss: 'an\u0000', sub: 'an\u0000' }),
      'a disabled operator': await sign({ ...good(), iss: 'barred', sub: 'barred' }, barred),
      'alg none': new UnsecuredJWT(good()).encode(),
      'alg HS256 with what is public': await sign(good(), secret, { alg: 'HS256' }),
      'a signature of something else': `${ours.split('.').slice(0, 2).join('.')}.${(await sign(good())).split('.')[2]}`,
      'no JWT': 'not.a.jwt',
      'no dots': 'Bearer',
    }
    const answers = new Set<string>()
    for (const [what, token] of Object.entries(tokens)) {
      const { status, body, challenge } = await whoami(token)
      expect({ what, status }).toEqual({ what, status: 401 })
      expect(challenge).toBe('Bearer')
      answers.add(JSON.stringify({ ...body, reference: '' }))
    }
    for (const authorization of [undefined, '', 'Basic YTpi', `DPoP ${await sign(good())}`]) {
      const { body } = await whoamiAs(world, authorization)
      answers.add(JSON.stringify({ ...body, reference: '' }))
    }
    expect([...answers].map((answer) => JSON.parse(answer) as object)).toEqual([
      {
        type: 'urn:vneid-sso-gateway:docs/errors.md#unauthenticated',
        title: errorTable.unauthenticated.meaning,
        status: 401,
        code: 'unauthenticated',
        reference: '',
      },
    ])
  })

  test('may have a clock that is some seconds wrong', async () => {
    expect(await whoami(await sign({ ...good(), iat: now() + 10, exp: now() + 70 }))).toMatchObject({
      status: 200,
    })
    const late = await sign({ ...good(), iat: now() - 70, exp: now() - 10 })
    expect(await whoami(late)).toMatchObject({ status: 200 })
    expect(await whoami(late)).toMatchObject({ status: 401 })
  })

  test('is recorded as seen, but not at every call', async () => {
    const seen = async () =>
      (
        await world.db.query<{ at: Date }>(`select last_seen_at as at from operator where id = 'an.officer'`)
      )[0]?.at
    await whoami(await sign(good()))
    const first = await seen()
    expect(first).toBeInstanceOf(Date)
    await whoami(await sign(good()))
    expect(await seen()).toEqual(first)
    await world.db.query(
      `update operator set last_seen_at = now() - interval '10 minutes' where id = 'an.officer'`,
    )
    await whoami(await sign(good()))
    expect((await seen())!.getTime()).toBeGreaterThanOrEqual(first!.getTime())
  })
})
