/**
 * Storage for the bare engine in the form of its documentation, which its users run. It is the baseline, not an
 * example. In Redis a hash for what can be consumed and a string for the rest, MULTI around each write, a
 * list of keys per grant whose TTL is read before each write, an index key per uid.
 */
import { Redis } from 'ioredis'
import type { Adapter, AdapterPayload } from 'oidc-provider'

export interface Storage {
  readonly adapter: (model: string) => Adapter
  trips(): number
  close(): Promise<void>
}

const consumable = new Set([
  'AuthorizationCode',
  'RefreshToken',
  'DeviceCode',
  'BackchannelAuthenticationRequest',
])
const ofGrant = new Set([...consumable, 'AccessToken'])
const now = () => Math.floor(Date.now() / 1000)

export function openRedis(url: string, prefix = 'bare:'): Storage {
  const redis = new Redis(url)
  let trips = 0
  const counted = <T>(work: Promise<T>): Promise<T> => {
    trips++
    return work
  }
  const grantKey = (id: string) => `${prefix}grant:${id}`
  const uidKey = (id: string) => `${prefix}uid:${id}`

  const adapter = (model: string): Adapter => {
    const keyOf = (id: string) => `${prefix}${model}:${id}`
    const self: Adapter = {
      async upsert(id, payload, ttl = 0) {
        const key = keyOf(id)
        const multi = redis.multi()
        if (consumable.has(model)) multi.hset(key, { payload: JSON.stringify(payload) })
        else multi.set(key, JSON.stringify(payload))
        multi.expire(key, ttl)
        if (ofGrant.has(model) && payload.grantId) {
          const list = grantKey(payload.grantId)
          multi.rpush(list, key)
          const left = await counted(redis.ttl(list))
          if (ttl > left) multi.expire(list, ttl)
        }
        if (payload.uid) {
          multi.set(uidKey(payload.uid), id)
          multi.expire(uidKey(payload.uid), ttl)
        }
        await counted(multi.exec())
      },
      async find(id) {
        if (!consumable.has(model)) {
          const text = await counted(redis.get(keyOf(id)))
          return text === null ? undefined : (JSON.parse(text) as AdapterPayload)
        }
        const { payload, ...rest } = await counted(redis.hgetall(keyOf(id)))
        return payload === undefined ? undefined : { ...rest, ...(JSON.parse(payload) as AdapterPayload) }
      },
      async findByUid(uid) {
        const id = await counted(redis.get(uidKey(uid)))
        return id === null ? undefined : self.find(id)
      },
      findByUserCode: async () => undefined,
      consume: async (id) => void (await counted(redis.hset(keyOf(id), 'consumed', now()))),
      destroy: async (id) => void (await counted(redis.del(keyOf(id)))),
      async revokeByGrantId(grantId) {
        const keys = await counted(redis.lrange(grantKey(grantId), 0, -1))
        await counted(redis.del(...keys, grantKey(grantId)))
      },
    }
    return self
  }
  return { adapter, trips: () => trips, close: async () => void (await redis.quit()) }
}

/** The same records as JSON in a Map, for the comparison on embedded stores; nothing expires while it runs. */
export function openMap(): Storage {
  const records = new Map<string, string>()
  const uids = new Map<string, string>()
  let trips = 0
  const adapter = (model: string): Adapter => {
    const keyOf = (id: string) => `${model}:${id}`
    const write = (id: string, payload: AdapterPayload) => {
      trips++
      records.set(keyOf(id), JSON.stringify(payload))
      if (payload.uid) uids.set(payload.uid, id)
    }
    const find = (id: string) => {
      trips++
      const text = records.get(keyOf(id))
      return text === undefined ? undefined : (JSON.parse(text) as AdapterPayload)
    }
    return {
      upsert: async (id, payload) => write(id, payload),
      find: async (id) => find(id),
      findByUid: async (uid) => find(uids.get(uid) ?? ''),
      findByUserCode: async () => undefined,
      consume: async (id) => write(id, { ...find(id), consumed: now() }),
      destroy: async (id) => void records.delete(keyOf(id)),
      revokeByGrantId: async () => {},
    }
  }
  return { adapter, trips: () => trips, close: async () => records.clear() }
}
