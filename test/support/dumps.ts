/** Dumps the stores as text, for the search for leaks at the end of a run. */
import { Redis } from 'ioredis'
import pg from 'pg'
import type { Db } from '../../src/store/db.ts'

/** Dumps all rows of all databases of a server, some databases at a time. */
export async function dumpServer(url: string): Promise<string> {
  const names = await onDatabase(url, (query) =>
    query<{ name: string }>('select datname as name from pg_database where not datistemplate'),
  )
  const texts: string[] = []
  const dumpNext = async (): Promise<void> => {
    const next = names.pop()
    if (next === undefined) return
    const { href } = Object.assign(new URL(url), { pathname: `/${next.name}` })
    texts.push(await onDatabase(href, (query) => dumpRows({ query })))
    await dumpNext()
  }
  await Promise.all([1, 2, 3, 4].map(dumpNext))
  return texts.join('')
}

async function onDatabase<T>(url: string, work: (query: Db['query']) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(async <Row extends object>(text: string) => (await client.query<Row>(text)).rows)
  } finally {
    await client.end()
  }
}

/** Dumps all rows through a connection. */
export async function dumpRows(db: Pick<Db, 'query'>): Promise<string> {
  const tables = await db.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`,
  )
  if (tables.length === 0) return ''
  const rows = await db.query<{ row: string }>(
    tables.map(({ name }) => `select whole_row::text as row from ${name} whole_row`).join(' union all '),
  )
  return rows.map(({ row }) => `${row}\n`).join('')
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
