/** Facts about a login's cost that no machine changes; times are the bench's own business. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, onTestFinished, test } from 'vitest'

const servers = { TEST_DATABASE_URL: inject('databaseUrl'), TEST_REDIS_URL: inject('redisUrl') }
const given = Object.values(servers).every((url) => url !== undefined)

describe.skipIf(!given)('the bench, on Redis and PostgreSQL', () => {
  test('a login is four requests, two SQL round trips and at most six to Redis, and every figure is written', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'bench.json')
    const bench = [
      'test/bench/logins.ts',
      '--stores',
      'server',
      '--logins',
      '20',
      '--rounds',
      '1',
      '--json',
      file,
    ]
    await promisify(execFile)(process.execPath, bench, { env: { ...process.env, ...servers } })

    const figures = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, number>>
    expect(figures['server']).toMatchObject({ httpRequests: 4, sqlRoundTrips: expect.any(Number) as number })
    expect(figures['server']!['sqlRoundTrips']).toBeLessThanOrEqual(2)
    expect(figures['server']!['stateRoundTrips']).toBeLessThanOrEqual(6)
    expect(figures['engineRatio']).toBeGreaterThan(0)
    expect(figures['engineRatioWithoutTrip']).toBeGreaterThan(0)
    for (const name of ['server', 'bare', 'bareBrokered']) {
      for (const key of ['loginsPerSecond', 'p50Ms', 'p99Ms', 'cpuMs']) {
        expect(figures[name]![key], `${name}.${key}`).toBeGreaterThan(0)
      }
    }
    expect(figures['server']).toHaveProperty('memoryPer10000Sessions')
  }, 60_000)
})
