/**
 * Finds or starts the servers of a test run: `TEST_DATABASE_URL`, `TEST_REDIS_URL` and `TEST_REDIS_CLUSTER_URL`,
 * or private ones. What is missing is named and its tests are skipped; with `CI` or `REQUIRE_SERVERS` it is a fault.
 */
import type { TestProject } from 'vitest/node'
import { type PrivateServer, startPostgres, startRedis, startRedisCluster } from './private-servers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string | undefined
    redisUrl: string | undefined
    redisClusterUrl: string | undefined
  }
}

const kinds = [
  { name: 'PostgreSQL', key: 'databaseUrl', variable: 'TEST_DATABASE_URL', start: startPostgres },
  { name: 'Redis', key: 'redisUrl', variable: 'TEST_REDIS_URL', start: startRedis },
  {
    name: 'Redis Cluster',
    key: 'redisClusterUrl',
    variable: 'TEST_REDIS_CLUSTER_URL',
    start: startRedisCluster,
  },
] as const

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
  const required = [process.env.CI, process.env.REQUIRE_SERVERS].includes('true')
  const started: PrivateServer[] = []
  const stop = async () => void (await Promise.all(started.map((server) => server.stop())))
  const find = async ({ name, key, variable, start }: (typeof kinds)[number]) => {
    const given = process.env[variable]
    const server = given ? undefined : await start()
    if (server !== undefined) started.push(server)
    const url = given || server?.url
    if (url === undefined && required) throw new Error(`${name} is required: install it or set ${variable}`)
    if (url === undefined) console.warn(`skipped: the tests on ${name} (not installed, and no ${variable})`)
    project.provide(key, url)
  }
  const outcomes = await Promise.allSettled(kinds.map(find))
  const fault = outcomes.find((outcome) => outcome.status === 'rejected')
  if (fault === undefined) return stop
  await stop()
  throw fault.reason
}
