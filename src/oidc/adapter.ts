/** The engine's storage adapter, over the unit of work of the current request. */
import { decodeJwt } from 'jose'
import { type Adapter, type AdapterPayload, Provider, errors } from 'oidc-provider'
import type { Registry } from '../registry/registry.ts'
import { rememberUsedOnce } from './legacy-account.ts'
import { answerKey, repeatAnswer } from './lost-answers.ts'
import { linkTrace, traceparent } from '../telemetry/tracing.ts'
import { type Payload, currentUnit as unit, keyOf } from './unit-of-work.ts'

/** Seconds that a code is kept after it expires, so that its reuse revokes the tokens issued for it (RFC 6749 §4.1.2). */
const codeExtraTtl = 3_600
/** Seconds that a `jti` is kept until the engine sets its true expiry; assertions live shorter than this. */
const replayTtl = 3_600

/** Seconds that a device code is kept after it expires, so that the terminal gets `expired_token` (RFC 8628 §3.5). */
const deviceCodeExtraTtl = 600
/** Seconds between two polls of a terminal; a little less than the five that the engine asks for. */
const pollInterval = 4

const sessionKey = (uid: string): string => keyOf('Session', uid)
const sessionIdKey = (id: string): string => keyOf('SessionId', id)

/**
 * Keys of the grant and session that a token depends on, which are read together with it. If either is gone, the token is
 * invalid, so nothing needs to delete the tokens of a grant one by one.
 */
const companions = (payload: AdapterPayload): string[] => [
  ...(payload.grantId ? [keyOf('Grant', payload.grantId)] : []),
  ...(payload['expiresWithSession'] && payload.sessionUid ? [sessionKey(payload.sessionUid)] : []),
]

/** Models that a token request uses up. What it answered is read together with them. */
const usedUp = new Set(['AuthorizationCode', 'RefreshToken', 'DeviceCode'])

/** Models that carry a sign-in from one request to the next, and with it the trace, which `login/trip.ts` continues. */
const tracedModels = new Set(['Interaction', 'AuthorizationCode', 'AccessToken', 'RefreshToken'])

/** The portal that a record belongs to. A pushed request names it only inside the request. */
const portalOf = ({ clientId, request }: AdapterPayload): string | undefined =>
  clientId ?? (typeof request === 'string' ? (decodeJwt(request)['client_id'] as string) : undefined)

/**
 * @param retryGrace seconds in which it matters whether a new access token was used
 * @param interactionTtl longest time, in seconds, between a pushed request's arrival and the code for it
 */
export function createAdapterFactory({
  registry,
  interactionTtl,
  retryGrace,
  admitClient,
}: {
  registry: Registry
  interactionTtl: number
  retryGrace: number
  /** Throws if the rate limit of the portal that is looked up is spent. */
  admitClient: (clientId: string) => void
}): (model: string) => Adapter {
  const clients: Partial<Adapter> = {
    async find(id) {
      admitClient(id)
      return registry.find(id)
    },
  }

  /** Hides what was issued to a portal that is out of service now, or was out of service since the issue. */
  const unlessVoid = (payload: AdapterPayload | undefined) => {
    const clientId = payload && portalOf(payload)
    return clientId !== undefined && registry.isVoid(clientId, payload?.iat ?? 0) ? undefined : payload
  }

  return (model) => {
    if (model === 'Client') return clients as Adapter
    const key = (id: string) => keyOf(model, id)
    const traced = (payload: AdapterPayload): AdapterPayload => {
      const trace = tracedModels.has(model) ? traceparent() : undefined
      return trace === undefined ? payload : { ...payload, trace }
    }
    const traceLinked = (found: Payload | undefined) => {
      if (found?.['trace'] !== undefined && model !== 'Interaction') linkTrace(found['trace'])
      return found
    }

    const records: Adapter = {
      upsert: async (id, payload, ttl) => {
        const along = [...companions(payload), ...(usedUp.has(model) ? [answerKey(id)] : [])]
        unit().put(key(id), traced(payload), ttl ?? 0, along)
      },
      find: async (id) => traceLinked(unlessVoid(await unit().read(key(id)))),
      destroy: async (id) => unit().delete(key(id)),
      consume: async () => {},
      // The engine has deleted the grant, which invalidates every token: see `companions`.
      revokeByGrantId: async () => {},
      findByUid: (uid) => unit().read(sessionKey(uid)),
      findByUserCode: async () => undefined,
    }

    switch (model) {
      case 'Session':
        return {
          ...records,
          // Stored by uid, which tokens hold. The id in the cookie points to it.
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
            // The engine destroys only sessions that it has read. If it only changes the id, it puts the session again
            // right after this.
            const [target] = (unit().peek(sessionIdKey(id))?.['along'] as string[] | undefined) ?? []
            unit().delete(sessionIdKey(id))
            if (target !== undefined) unit().delete(target)
          },
        }
      case 'Grant':
        // A grant's id is derived, so two tabs may create the same grant at the same time: see `mergeRecords`.
        return {
          ...records,
          upsert: async (id, payload, ttl) => unit().create(key(id), payload, ttl ?? 0),
        }
      case 'Interaction':
        return {
          ...records,
          upsert: async (id, payload, ttl) =>
            unit().begin(key(id), { ...traced(payload), ...rememberUsedOnce(Provider.ctx) }, ttl ?? 0),
        }
      case 'AuthorizationCode':
        return {
          ...records,
          upsert: (id, payload, ttl) => records.upsert(id, payload, (ttl ?? 0) + codeExtraTtl),
          // Presenting a code spends it (RFC 9700 §4.5), in one atomic step and one round trip that also reads what the
          // code depends on.
          async find(id) {
            const found = await unit().spend(key(id), codeExtraTtl)
            traceLinked(found?.payload)
            if (found === undefined || !found.spent) return unlessVoid(found?.payload)
            if (unlessVoid(found.payload) !== undefined) await repeatAnswer(id, companions(found.payload))
            // A reused code ends its grant. The engine does this only until the code expires.
            unit().delete(keyOf('Grant', String(found.payload['grantId'])))
            return { ...found.payload, consumed: true }
          },
        }
      case 'RefreshToken':
        return {
          ...records,
          async find(id) {
            const token = await records.find(id)
            if (token?.consumed !== undefined) await repeatAnswer(id, companions(token))
            return token
          },
          consume: (id) => consumeOnce(key(id), 'refresh token already used'),
        }
      case 'AccessToken':
        // A used access token shows that the answer it came in has arrived.
        return retryGrace === 0
          ? records
          : {
              ...records,
              find: async (id) => traceLinked(unlessVoid((await unit().spend(key(id), retryGrace))?.payload)),
            }
      case 'DeviceCode':
        return {
          ...records,
          async upsert(id, payload, ttl) {
            const kept = (ttl ?? 0) + deviceCodeExtraTtl
            await records.upsert(id, payload, kept)
            unit().put(keyOf('UserCode', String(payload.userCode)), {}, kept, [key(id)])
          },
          async find(id) {
            const code = await unit().read(key(id))
            const isPending =
              code !== undefined && code['accountId'] === undefined && code['error'] === undefined
            // The browser that returns from VNeID reads the code too. Only a terminal's poll is limited.
            const isPolled = Provider.ctx?.oidc.route === 'token'
            if (isPending && isPolled && !(await unit().claim(`${key(id)}:polled`, pollInterval)))
              throw new errors.SlowDown()
            if (code?.['consumed'] !== undefined) await repeatAnswer(id, companions(code))
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
          // Several browsers may have opened it and begun sign-ins. It is kept after it expires until the last of them
          // has returned, which then finds it consumed (RFC 9126 §4).
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
          // The engine reads, then writes. Our read already claims the `jti`, so that of two concurrent requests only one
          // passes.
          find: async (id) => ((await unit().claim(key(id), replayTtl)) ? undefined : { jti: id }),
        }
      default:
        return records
    }
  }
}

/** Passes for exactly one caller. The record stays readable, marked as consumed, until it expires. @throws InvalidGrant */
async function consumeOnce(key: string, refusal: string): Promise<void> {
  const token = await unit().read(key)
  const ttl = Math.max(Number(token?.['exp']) - Math.floor(Date.now() / 1000), 1)
  if (token === undefined || !(await unit().claim(`${key}:consumed`, ttl)))
    throw new errors.InvalidGrant(refusal)
  const { along, ...payload } = token
  unit().put(key, { ...payload, consumed: true }, ttl, along as string[] | undefined)
}

/**
 * Merges two versions of a session or grant, written by two tabs. Keeps the portals of both sessions, and the scopes and
 * claims of both grants; the newest sign-in decides the rest. Never merges records of different persons.
 * @returns undefined if the two must not be merged
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
