/** What a node does when it cannot follow the calendar of signing keys. */
import { afterEach, expect, test, vi } from 'vitest'
import { makeKey } from '../../src/oidc/signing-key.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { openSigningKeys } from '../../src/oidc/key-store.ts'
import { rotateSigningKey } from '../../src/oidc/keys.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld({ periods: { renewal: 50 } })
afterEach(() => void vi.useRealTimers())
const log = createLog({ level: 'silent' })
const seal = createSeal(world.config.keys.seal, 'signing key')

const unready = async () => {
  const answer = await fetch(`${world.operationsUrl}/health/ready`)
  return { status: answer.status, text: await answer.text() }
}
/** Moves only the clock by which ages are measured; timers run on. */
const minutePasses = () => {
  const later = performance.now() + 61_000
  vi.useFakeTimers({ toFake: ['performance'] })
  vi.advanceTimersByTime(later - performance.now())
}

test('a node that cannot read the keys for a minute is not ready, and is ready again as soon as it can', async () => {
  const rename = (from: string, to: string) => world.db.query(`alter table ${from} rename to ${to}`)
  await rename('signing_key_history', 'elsewhere')
  minutePasses()
  await vi.waitFor(
    async () => {
      const { status, text } = await unready()
      expect(status).toBe(503)
      expect(JSON.parse(text)).toMatchObject({ missing: ['signing_keys'] })
    },
    { timeout: 10_000, interval: 10 },
  )
  await rename('elsewhere', 'signing_key_history')
  await vi.waitFor(async () => expect(await unready()).toMatchObject({ status: 200 }), {
    timeout: 10_000,
    interval: 10,
  })
})

test('keys that the engine did not accept are passed to it again', async () => {
  const keys = await openSigningKeys({ db: world.db, seal, log, period: 3_600_000 })
  let isBroken = true
  const taken: number[] = []
  keys.onChange(({ keys: all }) => {
    if (isBroken) throw new Error('not now')
    taken.push(all.length)
  })
  const before = keys.published()
  const { kid } = await rotateSigningKey({ db: world.db, seal, log }, 'ES256', { actor: 'local' })
  await expect(keys.refresh()).rejects.toThrow('not now')
  // Portals read the keys that the engine has.
  expect(keys.published()).toBe(before)
  isBroken = false
  await keys.refresh()
  expect(taken).toEqual([keys.engineKeys().keys.length])
  expect(keys.published().calendar.map((row) => row.kid)).toContain(kid)
  keys.close()
})

test('no kid begins with a dash, which a command line would take for an option', async () => {
  const keys = await Promise.all(Array.from({ length: 600 }, () => makeKey('ES256')))
  expect(keys.filter(({ kid }) => kid.startsWith('-'))).toEqual([])
})
