/** Checks what a bench shows on every machine: round trips, and that each figure is written. Does not check times. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { findBinary } from '../support/private-servers.ts'

const servers = { TEST_DATABASE_URL: inject('databaseUrl'), TEST_REDIS_URL: inject('redisUrl') }
const given = Object.values(servers).every((url) => url !== undefined)

/** @returns the figures that the bench wrote */
async function run(script: string, options: readonly string[]): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'bench.json')
  const env = { ...process.env, ...servers }
  await promisify(execFile)(process.execPath, [script, ...options, '--json', file], { env })
  return JSON.parse(readFileSync(file, 'utf8')) as unknown
}

describe.skipIf(!given)('the bench, on Redis and PostgreSQL', () => {
  test('a login is four requests, two SQL round trips and at most six to Redis, and every figure is written', async () => {
    const options = ['--stores', 'server', '--logins', '6', '--rounds', '1']
    const figures = (await run('test/bench/logins.ts', options)) as Record<string, Record<string, number>>
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
  }, 120_000)
})

describe('the bench under a hostile connection', () => {
  test('every attack is sent while citizens sign in, and every figure is written', async () => {
    const options = ['--stores', 'embedded', '--logins', '3', '--rounds', '1']
    const figures = (await run('test/bench/hostile.ts', options)) as {
      hostileRatio: number
      quiet: Record<string, number>
      attacks: Record<string, number>[]
    }
    expect(figures.hostileRatio).toBeGreaterThan(0)
    expect(figures.quiet['p99Ms']).toBeGreaterThan(0)
    expect(figures.attacks.length).toBeGreaterThan(5)
    for (const { attack, requests } of figures.attacks)
      expect(requests, `requests of ${attack}`).toBeGreaterThan(0)
  }, 60_000)
})

// This bench starts a separate PostgreSQL, because it measures its processes.
const installed = ['postgres', 'redis-server'].every((name) => findBinary(name) !== undefined)

describe.skipIf(!installed)('the bench, with many legacy accounts', () => {
  test('a login is two SQL round trips however many accounts there are, and every figure is written', async () => {
    const options = ['--sizes', '200,400', '--logins', '6', '--rounds', '1']
    const figures = (await run('test/bench/mapping.ts', options)) as Record<string, unknown>
    const names = ['growthRatio', 'brokerGrowthRatio', 'returningGrowthRatio', 'linkingGrowthRatio']
    for (const name of names) expect(figures[name], `figure ${name}`).toBeGreaterThan(0)
    const sizes = figures['sizes'] as Record<string, number>[]
    expect(sizes.map(({ accounts }) => accounts)).toEqual([200, 400])
    for (const size of sizes) {
      expect(size['sqlRoundTrips']).toBeLessThanOrEqual(2)
      for (const key of ['brokerMs', 'bothMs', 'p50Ms', 'loadSeconds'])
        expect(size[key], `figure ${key}`).toBeGreaterThan(0)
    }
  }, 120_000)
})

describe.skipIf(servers.TEST_DATABASE_URL === undefined)('the bench of imports, on PostgreSQL', () => {
  test('every row is imported, copied and found unchanged, and every figure is written', async () => {
    const options = ['--rows', '1000', '--rounds', '1']
    const figures = (await run('test/bench/import.ts', options)) as Record<string, number>
    expect(figures['rows']).toBe(1_000)
    for (const key of [
      'copyRatio',
      'peakRssMb',
      'rowsPerSecond',
      'copyRowsPerSecond',
      'rerunRowsPerSecond',
      'cpuMs',
    ])
      expect(figures[key], `figure ${key}`).toBeGreaterThan(0)
  }, 60_000)
})

describe.skipIf(servers.TEST_DATABASE_URL === undefined)('the bench of the audit, on PostgreSQL', () => {
  test('a generated log is covered by checkpoints and verified, and every figure is written', async () => {
    const figures = (await run('test/bench/audit.ts', ['--rows', '3000'])) as Record<string, number>
    expect(figures['rows']).toBe(3_000)
    for (const key of ['secondsPerMillion', 'checkpointSecondsPerMillion', 'insertMicroseconds'])
      expect(figures[key], `figure ${key}`).toBeGreaterThan(0)
  }, 60_000)
})
