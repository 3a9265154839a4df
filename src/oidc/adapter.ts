/** The engine's storage, written once over the unit of work of the request it runs in. */
import { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import type { Registry } from './registry.ts'
import { type Payload, currentUnit as unit, keyOf } from './unit-of-work.ts'

/** Seconds a code is remembered beyond its life: as long as what it bought may live (RFC 6749 §4.1.2). */
const codeMemory = 3_600
/** Until the engine sets the true end of an assertion's `jti`; assertions live shorter than this. */
const replayMemory = 3_600

const sessionKey = (uid: string): string => keyOf('Session', uid)
const sessionIdKey = (id: string): string => keyOf('SessionId', id)

/**
 * A token is read together with the grant and the session that carry it; ending either ends the token,
 * so nothing needs to walk the tokens of a grant.
 */
const companions = (payload: AdapterPayload): string[] => [
  ...(payload.grantId ? [keyOf('Grant', payload.grantId)] : []),
  ...(payload['expiresWithSession'] && payload.sessionUid ? [sessionKey(payload.sessionUid)] : []),
]

/** @param interactionTtl longest time, in seconds, between a pushed request's arrival and the code for it */
export function createAdapterFactory({
  registry,
  interactionTtl,
}: {
  registry: Registry
  interactionTtl: number
}): (model: string) => Adapter {
  const clients: Partial<Adapter> = { find: (id) => registry.find(id) }

  return (model) => {
    if (model === 'Client') return clients as Adapter
    const key = (id: string) => keyOf(model, id)

    const records: Adapter = {
      upsert: async (id, payload, ttl) => unit().put(key(id), payload, ttl ?? 0, companions(payload)),
      find: (id) => unit().read(key(id)),
      destroy: async (id) => unit().delete(key(id)),
      consume: async () => {},
      // The grant is gone, and with it every token: see `companions`.
      revokeByGrantId: async () => {},
      findByUid: (uid) => unit().read(sessionKey(uid)),
      findByUserCode: async () => undefined,
    }

    switch (model) {
      case 'Session':
        return {
          ...records,
          // Stored by uid, which tokens know; the cookie's id leads there.
          async upsert(id, payload, ttl) {
            const target = sessionKey(String(payload.uid))
            unit().put(target, payload, ttl ?? 0)
            unit().put(sessionIdKey(id), {}, ttl ?? 0, [target])
          },
          async find(id) {
            const pointer = await unit().read(sessionIdKey(id))
            const [target] = (pointer?.['along'] as string[] | undefined) ?? []
            const session = target === undefined ? undefined : await unit().read(target)
            return session?.['jti'] === id ? session : undefined
          },
          async destroy(id) {
            // Only a session that was read can be ended; one that only changes its id is put again right after.
            const [target] = (unit().peek(sessionIdKey(id))?.['along'] as string[] | undefined) ?? []
            unit().delete(sessionIdKey(id))
            if (target !== undefined) unit().delete(target)
          },
        }
      case 'Grant':
        // Its id is derived, so two tabs may make the same one at the same moment: see `mergeRecords`.
        return {
          ...records,
          upsert: async (id, payload, ttl) => unit().create(key(id), payload, ttl ?? 0),
        }
      case 'AuthorizationCode':
        return {
          ...records,
          upsert: (id, payload, ttl) => records.upsert(id, payload, (ttl ?? 0) + codeMemory),
          // Presenting a code spends it (RFC 9700 §4.5): one atomic step, and one round trip for all it needs.
          async find(id) {
            const found = await unit().spend(key(id), codeMemory)
            if (found === undefined || !found.spent) return found?.payload
            // The engine would see to this only while the code has not expired.
            unit().delete(keyOf('Grant', String(found.payload['grantId'])))
            return { ...found.payload, consumed: true }
          },
        }
      case 'RefreshToken':
        return {
          ...records,
          async consume(id) {
            const token = await unit().read(key(id))
            const ttl = Number(token?.['exp']) - Math.floor(Date.now() / 1000)
            if (token === undefined || !(await unit().claim(`${key(id)}:consumed`, Math.max(ttl, 1)))) {
              throw new errors.InvalidGrant('refresh token already used')
            }
            const { along, ...payload } = token
            unit().put(
              key(id),
              { ...payload, consumed: true },
              Math.max(ttl, 1),
              along as string[] | undefined,
            )
          },
        }
      case 'PushedAuthorizationRequest':
        return {
          ...records,
          // Opened by several, it may have begun several sign-ins: kept, beyond its own end, until the last of
          // them has come back to find it consumed (RFC 9126 §4).
          upsert: (id, payload, ttl) => records.upsert(id, payload, (ttl ?? 0) + interactionTtl),
          async consume(id) {
            const request = await unit().read(key(id))
            const ttl = interactionTtl * 2
            if (request === undefined || !(await unit().claim(`${key(id)}:consumed`, ttl))) {
              throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used')
            }
            unit().put(key(id), { ...request, consumed: true }, ttl)
          },
        }
      case 'ReplayDetection':
        return {
          ...records,
          // The engine asks, then writes; asking already claims, so that two at once cannot both pass.
          find: async (id) => ((await unit().claim(key(id), replayMemory)) ? undefined : { jti: id }),
        }
      default:
        return records
    }
  }
}

/**
 * Both tabs' portals, and at one portal both tabs' scopes and claims, survive; the newest sign-in decides the
 * rest. A record of someone else is never merged.
 */
export function mergeRecords(key: string, mine: Payload, theirs: Payload): Payload | undefined {
  if (mine['accountId'] !== theirs['accountId']) return undefined
  if (key.startsWith('Grant:')) return { ...mine, openid: mergeGranted(mine['openid'], theirs['openid']) }
  if (!key.startsWith('Session:')) return mine
  return {
    ...mine,
    authorizations: { ...(theirs['authorizations'] as object), ...(mine['authorizations'] as object) },
  }
}

interface Granted {
  readonly scope?: string
  readonly claims?: readonly string[]
}
function mergeGranted(mine: unknown, theirs: unknown): Granted {
  const both = [mine, theirs].map((granted) => (granted ?? {}) as Granted)
  const unite = (lists: readonly (readonly string[])[]) => [...new Set(lists.flat())]
  return {
    scope: unite(both.map(({ scope }) => scope?.split(' ') ?? [])).join(' '),
    claims: unite(both.map(({ claims }) => claims ?? [])),
  }
}
