/** A command whose answer is lost: in Redis Cluster, and in the flows that use something up. */
import * as client from 'openid-client'
import { describe, expect, inject, test } from 'vitest'
import { signer } from '../support/keys.ts'
import {
  type ForgetfulRedis,
  openForgetfulCluster,
  openForgetfulRedis,
} from '../support/stores/forgetful-redis.ts'
import { testLostAnswers } from '../support/stores/lost-answers-contract.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const redisUrl = inject('redisUrl')

testLostAnswers('Redis Cluster', redisUrl === undefined ? undefined : openForgetfulCluster)

describe.skipIf(redisUrl === undefined).each([
  ['Redis', () => openForgetfulRedis(redisUrl!)],
  ['Redis Cluster', openForgetfulCluster],
])('whichever answer of %s is lost (needs Redis)', (_name, open) => {
  /** Runs `flow` again and again, each time without one answer, until all its answers have arrived. */
  async function withoutEachAnswer(redis: ForgetfulRedis, flow: () => Promise<void>): Promise<number> {
    for (let passed = 0; ; passed++) {
      const before = redis.lost
      redis.lose(passed)
      await flow()
      if (redis.lost === before) return passed
    }
  }

  test('a portal that pushes its requests, signs its assertions and proves a key signs a citizen in, and refreshes', async () => {
    const redis = await open()
    const world = await openWorld({ environment: { STATE_URL: redis.url } })
    const { privateKey, jwks } = await signer()
    await world.register(
      portalDefinition('portal-a', {
        client_secret: undefined,
        token_endpoint_auth_method: 'private_key_jwt',
        jwks,
        require_pushed_authorization_requests: true,
        dpop_bound_access_tokens: true,
      }),
    )
    const portal = await world.portal({
      clientId: 'portal-a',
      auth: client.PrivateKeyJwt(privateKey),
      par: true,
      dpop: await client.randomDPoPKeyPair('ES256'),
    })
    const answers = await withoutEachAnswer(redis, async () => {
      const { tokens } = await portal.signIn()
      const renewed = await portal.refresh(tokens.refresh_token)
      await portal.userinfo(renewed.access_token)
    })
    expect(answers).toBeGreaterThan(10)
    await world.close()
    await redis.close()
  })
})
