/**
 * Finds or starts the servers of a test run: `TEST_DATABASE_URL`, `TEST_REDIS_URL` and `TEST_REDIS_CLUSTER_URL`,
 * or private ones. If a server is missing, the run names it and skips its tests; with `CI` or `REQUIRE_SERVERS` the run
 * fails. At the end of the run, everything that it recorded is searched for personal data and secrets in clear text.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { dumpRedis, dumpServer } from './dumps.ts'
import { searchFolder } from './leaks.ts'
import { createServerTemplate } from './templates.ts'
import { findPromtool } from './operation/promtool.ts'
import { type PrivateServer, startPostgres, startRedis, startRedisCluster } from './private-servers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string | undefined
    redisUrl: string | undefined
    redisClusterUrl: string | undefined
    promtool: string | undefined
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
    // Its start takes seconds, and no test of the fast lane uses it.
    lane: 'slow',
  },
] as const

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
  const required = [process.env.CI, process.env.REQUIRE_SERVERS].includes('true')
  const leakFolder = mkdtempSync(join(tmpdir(), 'broker-run-'))
  project.provide('leakFolder', leakFolder)
  const templateFolder = mkdtempSync(join(tmpdir(), 'broker-templates-'))
  project.provide('templateFolder', templateFolder)
  const sealKey = randomBytes(32).toString('base64url')
  project.provide('sealKey', sealKey)
  const started: (PrivateServer & { key: string })[] = []
  const stop = async () => void (await Promise.all(started.map((server) => server.stop())))
  const lanes = project.vitest.projects.map(({ name }) => name)
  const find = async ({ name, key, variable, start, ...only }: (typeof kinds)[number]) => {
    if ('lane' in only && !lanes.includes(only.lane)) {
      project.provide(key, undefined)
      return undefined
    }
    const given = process.env[variable]
    const server = given ? undefined : await start()
    if (server !== undefined) started.push({ ...server, key })
    const url = given || server?.url
    if (url === undefined && required) throw new Error(`${name} is required: install it or set ${variable}`)
    if (url === undefined) console.warn(`skipped: the tests on ${name} (not installed, and no ${variable})`)
    project.provide(key, url)
    return url
  }
  const promtool = await findPromtool()
  if (promtool === undefined && required)
    throw new Error('promtool is required: it comes with Debian’s package prometheus')
  if (promtool === undefined) console.warn('skipped: the tests with promtool (not installed)')
  project.provide('promtool', promtool)
  const outcomes = await Promise.allSettled(kinds.map(find))
  const fault = outcomes.find((outcome) => outcome.status === 'rejected')
  if (fault !== undefined) {
    await stop()
    throw fault.reason
  }
  const databaseUrl = outcomes.map((outcome) =>
    outcome.status === 'fulfilled' ? outcome.value : undefined,
  )[0]
  project.provide('databaseTemplate', databaseUrl && (await createServerTemplate(databaseUrl, sealKey)))
  return async () => {
    try {
      // Only private servers are dumped, because a given server may contain other data.
      await Promise.all(
        started.map(async ({ key, url }) => {
          const dump = key === 'databaseUrl' ? dumpServer(url) : dumpRedis(url)
          writeFileSync(join(leakFolder, `dump-${key}`), await dump)
        }),
      )
    } finally {
      await stop()
      rmSync(templateFolder, { recursive: true, force: true })
    }
    failOnLeaks(leakFolder)
  }
}

function failOnLeaks(folder: string): void {
  const { findings, files, secrets } = searchFolder(folder)
  // Without any recorded file the search would always succeed.
  const isBlind = secrets > 0 && !files.some((file) => file.startsWith('log-'))
  if (findings.length === 0 && !isBlind) return rmSync(folder, { recursive: true })
  process.exitCode = 1
  const what = isBlind ? ['nothing was there to be searched'] : findings
  throw new Error(
    `in clear after the test run, see ${folder}:\n${what.map((line) => `  ${line}`).join('\n')}`,
  )
}
