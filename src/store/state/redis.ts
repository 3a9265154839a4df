/**
 * State in Redis 7: one server, Sentinel or Cluster. A stored string is a header line `version key key…`, then the
 * value. No command touches two slots: a record and its marks share a hash tag, and with a Cluster the records in `along`
 * are read in a second round trip.
 *
 * When a connection breaks, ioredis sends the commands without an answer again, although Redis may have executed them. So
 * every command that can succeed only once carries a nonce (for a conditional write it is the new version): the second
 * execution recognises the first one as its own and gives the same answer.
 */
import { Cluster, Redis } from 'ioredis'
import { BrokerError } from '../../errors.ts'
import { roundTrip } from '../round-trip.ts'
import { watchMemory } from './redis-memory.ts'
import { type Found, type State, type Write, newNonce } from './state.ts'

type Reply = (Buffer | null)[] | null

/** Commands that ioredis defines from our scripts. */
interface Scripted {
  readAlongBuffer(key: string, mark: string, follow: 0 | 1): Promise<Reply>
  spendAlongBuffer(key: string, mark: string, follow: 0 | 1, ttl: number, nonce: string): Promise<Reply>
  takeOnceBuffer(key: string, mark: string, nonce: string): Promise<Buffer | null>
  putNew(key: string, stored: Buffer | string, ttl: number): Promise<0 | 1>
  replace(key: string, version: string, stored: Buffer, ttl: number): Promise<0 | 1>
  addUp(key: string, mark: string, by: number, ttl: number): Promise<string>
}
type Sender = Pick<Redis, 'set' | 'del'> & Scripted

const follow = `
local out = {stored}
if ARGV[1] == '1' then
  local head = string.sub(stored, 1, string.find(stored, '\\n', 1, true) - 1)
  for key in string.gmatch(head, ' (%S+)') do out[#out + 1] = redis.call('GET', key) end
end
return out`

const scripts: Readonly<Record<string, { numberOfKeys: number; lua: string }>> = {
  readAlong: {
    numberOfKeys: 2,
    lua: `local stored = redis.call('GET', KEYS[1]) if not stored then return nil end
local function read() ${follow} end
local out = read()
table.insert(out, 1, tostring(redis.call('EXISTS', KEYS[2])))
return out`,
  },
  spendAlong: {
    numberOfKeys: 2,
    lua: `local stored = redis.call('GET', KEYS[1]) if not stored then return nil end
local first = redis.call('SET', KEYS[2], ARGV[3], 'NX', 'EX', ARGV[2]) or redis.call('GET', KEYS[2]) == ARGV[3]
local function read() ${follow} end
local out = read()
table.insert(out, 1, first and '0' or '1')
return out`,
  },
  // The mark keeps what was taken for longer than ioredis waits for an answer.
  takeOnce: {
    numberOfKeys: 2,
    lua: `local stored = redis.call('GETDEL', KEYS[1])
if stored then redis.call('SET', KEYS[2], ARGV[1] .. stored, 'EX', 15) return stored end
local taken = redis.call('GET', KEYS[2])
if taken and string.sub(taken, 1, #ARGV[1]) == ARGV[1] then return string.sub(taken, #ARGV[1] + 1) end
return nil`,
  },
  putNew: {
    numberOfKeys: 1,
    lua: `local stored = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'GET', 'EX', ARGV[2])
return (not stored or stored == ARGV[1]) and 1 or 0`,
  },
  replace: {
    numberOfKeys: 1,
    lua: `local stored = redis.call('GET', KEYS[1])
if stored == ARGV[2] then return 1 end
if not stored or string.sub(stored, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1`,
  },
  // The mark lives as long as the sum, so that a caller can send its addition again for as long as it matters.
  addUp: {
    numberOfKeys: 2,
    lua: `if not redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[2]) then return redis.call('GET', KEYS[1]) or ARGV[1] end
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return sum`,
  },
}

/** @param url `redis://host:port/db`, `redis-sentinel://host:port,host:port/master`, `redis-cluster://host:port,…`; `rediss…` for TLS */
export function connectRedisState({ url, prefix = 'vneid:' }: { url: string; prefix?: string }): State {
  const client = connect(url) as (Redis | Cluster) & Scripted
  for (const [command, script] of Object.entries(scripts)) client.defineCommand(command, script)
  // The failing command reports a connection error; ioredis reconnects automatically.
  client.on('error', () => {})
  const cluster = client instanceof Cluster
  const withAlong = cluster ? 0 : 1

  const name = (key: string) => `${prefix}{${key}}`
  const trip = <T>(step: string, work: () => Promise<T>): Promise<T> =>
    roundTrip('state', `state ${step}`, () =>
      work().catch((error: unknown) => {
        throw new BrokerError('store_unavailable', `Redis ${(error as Error).name}`)
      }),
    )
  const found = async ([stored, ...others]: (Buffer | null)[]): Promise<Found> => {
    const { names, ...rest } = parse(stored as Buffer)
    if (cluster && names.length > 0)
      others = await trip('read along', () => Promise.all(names.map((key) => client.getBuffer(key))))
    return {
      ...rest,
      along: names.map((_, index) => {
        const other = others[index]
        if (!other) return undefined
        const { value, version } = parse(other)
        return { value, version, along: [] }
      }),
    }
  }
  const send = (write: Write, to: Sender) => {
    const key = name(write.key)
    if ('delete' in write) return to.del(key)
    const stored = format(write, name)
    if (write.over === null) return to.putNew(key, stored, seconds(write.ttl))
    if (write.over !== undefined) return to.replace(key, write.over, stored, seconds(write.ttl))
    return to.set(key, stored, 'EX', seconds(write.ttl))
  }

  /** Sends all in one round trip; a Cluster does not support a pipeline across slots. */
  const together = async (count: number, one: (to: Sender, place: number) => unknown): Promise<unknown[]> => {
    const places = Array.from({ length: count }, (_, place) => place)
    if (client instanceof Cluster || count === 1)
      return trip('write', () => Promise.all(places.map((place) => one(client, place))))
    const pipeline = client.pipeline()
    for (const place of places) void one(pipeline as unknown as Sender, place)
    const results = (await trip('write', () => pipeline.exec())) ?? []
    const fault = results.find(([error]) => error !== null)
    if (fault !== undefined) throw new BrokerError('store_unavailable', 'Redis refused a write')
    return results.map(([, reply]) => reply)
  }

  const memory = watchMemory(() => (client instanceof Cluster ? client.nodes('master') : [client]))

  return {
    async read(key) {
      const reply = await trip('read', () =>
        client.readAlongBuffer(name(key), `${name(key)}:spent`, withAlong),
      )
      if (reply === null) return undefined
      const [spent, ...stored] = reply
      return { ...(await found(stored)), ...(String(spent) === '1' && { spent: true }) }
    },
    async take(key) {
      const stored = await trip('take', () =>
        client.takeOnceBuffer(name(key), `${name(key)}:taken`, newNonce()),
      )
      if (stored === null) return undefined
      const { value, version } = parse(stored)
      return { value, version, along: [] }
    },
    async spend(key, ttl) {
      const reply = await trip('spend', () =>
        client.spendAlongBuffer(name(key), `${name(key)}:spent`, withAlong, seconds(ttl), newNonce()),
      )
      if (reply === null) return undefined
      const [spent, ...stored] = reply
      return { ...(await found(stored)), spent: String(spent) === '1' }
    },
    async claim(key, ttl) {
      // Has the form of a record without content.
      const nonce = `${newNonce()} \n`
      return (await trip('claim', () => client.putNew(name(key), nonce, seconds(ttl)))) === 1
    },
    async write(writes) {
      if (writes.length === 0) return []
      if (memory.isNearlyFull() && writes.some((write) => 'begins' in write))
        throw new BrokerError('overloaded', 'Redis is nearly full')
      const replies = await together(writes.length, (to, place) => send(writes[place]!, to))
      return writes
        .filter((write, index) => 'over' in write && replies[index] === 0)
        .map((write) => write.key)
    },
    async add(additions) {
      if (additions.length === 0) return []
      const replies = await together(additions.length, (to, place) => {
        const { key, by, ttl, nonce = newNonce() } = additions[place]!
        return to.addUp(name(key), `${name(key)}:${nonce}`, by, seconds(ttl))
      })
      return replies.map(Number)
    },
    ping: async () => void (await trip('ping', () => client.ping())),
    async close() {
      await memory.end()
      await client.quit().catch(() => client.disconnect())
    },
  }
}

/** Redis refuses a lifetime below one second, which is what a session has left in its last one. */
const seconds = (ttl: number): number => Math.max(1, Math.ceil(ttl))

function format(write: Extract<Write, { value: Buffer }>, name: (key: string) => string): Buffer {
  const names = (write.along ?? []).map((key) => ` ${name(key)}`).join('')
  return Buffer.concat([Buffer.from(`${newNonce()}${names}\n`), write.value])
}

function parse(stored: Buffer): { value: Buffer; version: string; names: string[] } {
  const end = stored.indexOf(10)
  const [version = '', ...names] = stored.toString('latin1', 0, end).split(' ')
  return { value: stored.subarray(end + 1), version, names: names.filter((key) => key !== '') }
}

function connect(url: string): Redis | Cluster {
  const [, secure, mode, credentials, hosts, path] =
    /^redis(s?)(?:-(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/]+)(?:\/(.*))?$/.exec(url) ?? []
  if (hosts === undefined)
    throw new Error('STATE_URL must be redis://, redis-sentinel:// or redis-cluster:// (or rediss…)')
  const [username, password] = (credentials ?? '').split(':').map(decodeURIComponent)
  const nodes = hosts.split(',').map((host) => {
    const [, name = host, port = mode === 'sentinel' ? 26379 : 6379] = /^(.+?)(?::(\d+))?$/.exec(host) ?? []
    return { host: name.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
  })
  const shared = {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(secure ? { tls: {} } : {}),
    maxRetriesPerRequest: 1,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
  }
  if (mode === 'cluster') return limited(new Cluster(nodes, { redisOptions: shared }), shared.commandTimeout)
  if (mode === 'sentinel') return new Redis({ ...shared, sentinels: nodes, name: path || 'mymaster' })
  return new Redis({ ...shared, ...nodes[0], db: Number(path || 0) })
}

/** `commandTimeout` has no effect with a Cluster; an unreachable Cluster would queue commands without limit. */
function limited(cluster: Cluster, milliseconds: number): Cluster {
  const send = cluster.sendCommand.bind(cluster)
  cluster.sendCommand = (command, ...rest) => {
    command.setTimeout(milliseconds)
    return send(command, ...rest)
  }
  return cluster
}
