/** A command whose answer is lost is sent again, and has the result of the first execution. */
import { describe, expect, inject, test } from 'vitest'
import { openForgetfulRedis } from '../support/stores/forgetful-redis.ts'
import { testLostAnswers } from '../support/stores/lost-answers-contract.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const redisUrl = inject('redisUrl')

testLostAnswers('Redis', redisUrl === undefined ? undefined : () => openForgetfulRedis(redisUrl))

describe.skipIf(redisUrl === undefined)(
  'a sign-in during which an answer of Redis is lost (needs Redis)',
  () => {
    test('succeeds, its code gives tokens, and these can be refreshed, whichever answer it is', async () => {
      const redis = await openForgetfulRedis(redisUrl!)
      const world = await openWorld({ environment: { STATE_URL: redis.url } })
      await world.register(portalDefinition('portal-a'))
      const portal = await world.portal({ clientId: 'portal-a', scope: 'openid profile offline_access' })
      for (let passed = 0; passed < 8; passed++) {
        const before = redis.lost
        redis.lose(passed)
        const { tokens } = await portal.signIn({ prompt: 'consent' })
        const renewed = await portal.refresh(tokens.refresh_token)
        await portal.userinfo(renewed.access_token)
        expect(redis.lost, `after ${passed} answers`).toBe(before + 1)
      }
      await redis.close()
      await world.close()
    })
  },
)
