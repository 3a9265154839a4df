/** Dumps the stores as text, for the search for leaks at the end of a run. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import type { Db } from '../../src/store/db.ts'
import { findBinary } from './private-servers.ts'

/** Dumps all databases of a server with pg_dumpall. */
export async function dumpServer(url: string): Promise<string> {
  const tool = findBinary('pg_dumpall')
  if (tool === undefined)
    throw new Error(
      'pg_dumpall is not installed next to postgres: install it, because the run is searched for leaks',
    )
  const { stdout } = await promisify(execFile)(tool, ['--data-only', '-d', url], { maxBuffer: 1 << 29 })
  return stdout
}

/** Dumps all rows through a connection, for an embedded database, which no tool can reach. */
export async function dumpRows(db: Db): Promise<string> {
  const tables = await db.query<{ name: string }>(
    `select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public'`,
  )
  const rows = await Promise.all(
    tables.map(({ name }) => db.query<{ row: string }>(`select t::text as row from ${name} t`)),
  )
  return rows
    .flat()
    .map(({ row }) => `${row}\n`)
    .join('')
}

/**
 * Dumps keys and values of our records on one server or all nodes of a Cluster.
 * @param below only records that expire in less than this number of seconds
 */
export async function dumpRedis(url: string, below = Infinity): Promise<string> {
  const { 1: hosts = '' } = /:\/\/([^/]+)/.exec(url) ?? []
  const texts = await Promise.all(hosts.split(',').map((host) => dumpNode(`redis://${host}`, below)))
  return texts.join('')
}

async function dumpNode(url: string, below: number): Promise<string> {
  const node = new Redis(url, { maxRetriesPerRequest: 1 })
  node.on('error', () => {})
  try {
    let text = ''
    for await (const keys of node.scanStream({ match: 'vneid:*', count: 1_000 }) as AsyncIterable<string[]>) {
      const lives = await Promise.all(keys.map((key) => node.ttl(key)))
      const chosen = keys.filter((_, index) => lives[index]! < below)
      const values = await Promise.all(chosen.map((key) => node.getBuffer(key)))
      for (const [index, key] of chosen.entries()) text += `${key} ${values[index]?.toString() ?? ''}\n`
    }
    return text
  } finally {
    node.disconnect()
  }
}
