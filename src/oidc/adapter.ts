/** The engine's storage, written once over the unit of work of the request it runs in. */
import { decodeJwt } from 'jose'
import { type Adapter, type AdapterPayload, Provider, errors } from 'oidc-provider'
import type { Registry } from '../registry/registry.ts'
import { linkTrace, traceparent } from '../telemetry/tracing.ts'
import { type Payload, currentUnit as unit, keyOf } from './unit-of-work.ts'

/** Seconds a code is remembered beyond its life: as long as what it bought may live (RFC 6749 §4.1.2). */
const codeMemory = 3_600
/** Until the engine sets the true end of an assertion's `jti`; assertions live shorter than this. */
const replayMemory = 3_600

/** Seconds that an expired device code is remembered, so that its owner hears that it has expired (RFC 8628 §3.5). */
const deviceCodeMemory = 600
/** Seconds between two questions of a terminal, a little less than the five that it is told. */
const pollInterval = 4

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

/** What carries a sign-in from one request to the next, and its trace with it (`login/routes.ts` goes on with it). */
const carriers = new Set(['Interaction', 'AuthorizationCode', 'AccessToken', 'RefreshToken'])

/** Of a pushed request only what was pushed tells. */
const portalOf = ({ clientId, request }: AdapterPayload): string | undefined =>
  clientId ?? (typeof request === 'string' ? (decodeJwt(request)['client_id'] as string) : undefined)

/** @param interactionTtl longest time, in seconds, between a pushed request's arrival and the code for it */
export function createAdapterFactory({
  registry,
  interactionTtl,
  admitClient,
}: {
  registry: Registry
  interactionTtl: number
  /** Throws when the portal that is looked up has had its share. */
  admitClient: (clientId: string) => void
}): (model: string) => Adapter {
  const clients: Partial<Adapter> = {
    async find(id) {
      admitClient(id)
      return registry.find(id)
    },
  }

  /** What was issued to a portal that is out of service, or was since, is as if it had never been. */
  const standing = (payload: AdapterPayload | undefined) => {
    const clientId = payload && portalOf(payload)
    return clientId !== undefined && registry.isVoid(clientId, payload?.iat ?? 0) ? undefined : payload
  }

  return (model) => {
    if (model === 'Client') return clients as Adapter
    const key = (id: string) => keyOf(model, id)
    const traced = (payload: AdapterPayload): AdapterPayload => {
      const trace = carriers.has(model) ? traceparent() : undefined
      return trace === undefined ? payload : { ...payload, trace }
    }
    const told = (found: Payload | undefined) => {
      if (found?.['trace'] !== undefined && model !== 'Interaction') linkTrace(found['trace'])
      return found
    }

    const records: Adapter = {
      upsert: async (id, payload, ttl) => unit().put(key(id), traced(payload), ttl ?? 0, companions(payload)),
      find: async (id) => told(standing(await unit().read(key(id)))),
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
            told(found?.payload)
            if (found === undefined || !found.spent) return standing(found?.payload)
            // The engine would see to this only while the code has not expired.
            unit().delete(keyOf('Grant', String(found.payload['grantId'])))
            return { ...found.payload, consumed: true }
          },
        }
      case 'RefreshToken':
        return { ...records, consume: (id) => consumeOnce(key(id), 'refresh token already used') }
      case 'DeviceCode':
        return {
          ...records,
          async upsert(id, payload, ttl) {
            await records.upsert(id, payload, (ttl ?? 0) + deviceCodeMemory)
            unit().put(keyOf('UserCode', String(payload.userCode)), {}, (ttl ?? 0) + deviceCodeMemory, [
              key(id),
            ])
          },
          async find(id) {
            const code = await unit().read(key(id))
            const isPending =
              code !== undefined && code['accountId'] === undefined && code['error'] === undefined
            // The browser that comes back from VNeID asks as well, and need not wait.
            const isPolled = Provider.ctx?.oidc.route === 'token'
            if (isPending && isPolled && !(await unit().claim(`${key(id)}:polled`, pollInterval)))
              throw new errors.SlowDown()
            return code
          },
          async findByUserCode(userCode) {
            const pointer = await unit().read(keyOf('UserCode', userCode))
            const [target] = (pointer?.['along'] as string[] | undefined) ?? []
            return target === undefined ? undefined : unit().read(target)
          },
          consume: (id) => consumeOnce(key(id), 'device code already used'),
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

/** One caller, ever, gets past; what is consumed stays readable as that until its end. */
async function consumeOnce(key: string, otherwise: string): Promise<void> {
  const token = await unit().read(key)
  const ttl = Math.max(Number(token?.['exp']) - Math.floor(Date.now() / 1000), 1)
  if (token === undefined || !(await unit().claim(`${key}:consumed`, ttl)))
    throw new errors.InvalidGrant(otherwise)
  const { along, ...payload } = token
  unit().put(key, { ...payload, consumed: true }, ttl, along as string[] | undefined)
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
