/**
 * A login's trip to VNeID and back. The trip itself is not stored: its secrets are derived from the interaction, and
 * `state` is bound to the browser that began it. A callback that we did not begin, or that another browser began, is
 * refused (RFC 9700 §4.7); it has no effect on the trip. Then the engine's interaction is read, or marked as returned so that
 * it continues only once.
 */
import { createHmac, createSecretKey, type KeyObject, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import type { Client } from 'oidc-provider'
import { BrokerError } from '../errors.ts'
import { legacyAccountOf } from '../oidc/legacy-account.ts'
import { freshness, requirementOf } from '../oidc/policy.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import type { Parts } from '../parts.ts'
import { policyOf } from '../registry/clients.ts'
import { awaySeconds, trips as tripsMade } from '../telemetry/metrics.ts'
import { continueTrace } from '../telemetry/tracing.ts'
import type { Transaction } from '../upstream/upstream.ts'
import { localeOf, nameBrowser, readBrowser } from './browser.ts'
import { noteLostTrip } from './lost-trip.ts'

/** The engine's record of a request that waits for the citizen; only the fields that we read. */
export interface Interaction {
  readonly uid: string
  readonly iat: number
  readonly exp: number
  readonly params: Readonly<Record<string, unknown>>
  readonly prompt: { readonly reasons: readonly string[] }
  readonly returnTo: string
  /** The engine's session when the request came. */
  session?: unknown
  /** Trace context of the authorization request. */
  readonly trace?: unknown
  /** Uids under which the same request began trips that were interrupted. */
  readonly continues?: readonly string[]
  /** Set if the request was pushed (RFC 9126). */
  readonly parJti?: string
  /** Key of the signed request object that names an account, which counts once (`oidc/legacy-account.ts`). */
  readonly usedOnce?: string
}

/** Seconds; longer than a request object and a trip that it began can live together. */
const usedOnceTtl = 86_400

/**
 * What a request that names an account is known by, so that it asks one person only. The engine uses up a pushed request
 * when the portal gets its answer, which is too late: until then, another person could open it and be asked as well.
 */
const usedOnceOf = ({ usedOnce, parJti, params }: Interaction): string | undefined =>
  usedOnce ??
  (parJti === undefined || legacyAccountOf(params) === undefined ? undefined : keyOf('PushedOnce', parJti))

/** A login that has begun and not ended. */
export interface PendingLogin {
  readonly interaction: Interaction
  /** The portal that began it. */
  readonly client: Client
  readonly transaction: Transaction
}
/** A login before its trip begins. */
type NewLogin = Pick<PendingLogin, 'interaction' | 'client'>
type Secrets = Pick<Transaction, 'state' | 'nonce' | 'codeVerifier'> & { readonly uid: string }

export interface Trips {
  /** @returns the URL the browser goes to first: our notice page, if the portal wants one, otherwise VNeID. @throws BrokerError `level_unmet` */
  begin(ctx: Context, login: NewLogin): Promise<string>
  /** @returns the authorization URL at VNeID */
  leave(ctx: Context, login: NewLogin): Promise<string>
  /** Binds a login to the browser's present name. */
  bind(ctx: Context, login: NewLogin): Secrets
  /** @throws BrokerError `interaction_gone` when this browser did not begin it */
  recognise(ctx: Context, state: string | null | undefined): Secrets
  /** The uid under which an interrupted trip goes on; always the same, so that a second click begins nothing else. */
  nextUid(uid: string): string
}

export function createTrips({ config, upstream }: Pick<Parts, 'config' | 'upstream'>): Trips {
  const secrets = createSecrets(config.keys.cookie)
  const secretsFor = (ctx: Context, { interaction, client }: NewLogin) =>
    secrets.begin(interaction.uid, nameBrowser(ctx, client.clientId))

  const self: Trips = {
    async begin(ctx, login) {
      const { interaction, client } = login
      if (requirementOf(client, interaction.params).level === 'unknown') throw new BrokerError('level_unmet')
      if (!policyOf(client).notice) return self.leave(ctx, login)
      return `${config.issuer}/interaction/${secretsFor(ctx, login).state}`
    },

    async leave(ctx, login) {
      const { interaction, client } = login
      const { level } = requirementOf(client, interaction.params)
      const locale = localeOf(ctx, interaction.params['ui_locales'])
      tripsMade.inc({ step: 'begun' })
      return upstream.begin(transactionOf(login, secretsFor(ctx, login)), {
        locale,
        ...(level === 'unknown' ? {} : { level }),
      })
    },

    bind: secretsFor,
    nextUid: (uid) => secrets.nextUid(uid),
    recognise: (ctx, state) => secrets.recognise(state, readBrowser(ctx)?.id),
  }
  return self
}

/** Computes `maxAge` once, so that the request to VNeID and the check of its answer use the same value. */
function transactionOf({ interaction, client }: NewLogin, secrets: Secrets): Transaction {
  const { state, nonce, codeVerifier } = secrets
  const maxAge = freshness(client, interaction.params, interaction.prompt.reasons)
  return {
    state,
    nonce,
    codeVerifier,
    begunAt: interaction.iat,
    ...(maxAge === undefined ? {} : { maxAge }),
  }
}

/** Finds the login that a browser's request belongs to. */
export interface PendingLogins {
  /** The login that the path parameter `state` names. @throws BrokerError `interaction_gone`, `portal_not_in_service` */
  find(ctx: Context): Promise<PendingLogin>
  /** Removes the login from the state store. @returns true for exactly one of several concurrent requests */
  take(login: PendingLogin): Promise<boolean>
  /**
   * The login that returns from VNeID. Only one of two callbacks continues. The record stays until the portal gets its answer,
   * so that the request can go on if this node dies. @throws as `find`
   */
  takeReturned(ctx: Context): Promise<PendingLogin>
  /** Begins another trip for a request whose callback was interrupted. @throws as `find` */
  continue(ctx: Context): Promise<PendingLogin>
  /** Rebuilds a login from an interaction that the caller holds. @throws BrokerError `interaction_gone`, `portal_not_in_service` */
  restore(interaction: Interaction, secrets: Secrets): Promise<PendingLogin>
}

export function createPendingLogins({
  config,
  provider,
  registry,
  trips,
}: Pick<Parts, 'config' | 'provider' | 'registry'> & { trips: Trips }): PendingLogins {
  async function clientOf({ params }: Interaction): Promise<Client> {
    const id = String(params['client_id'])
    const client = await provider.Client.find(id)
    if (client === undefined && registry.isOutOfService(id)) throw new BrokerError('portal_not_in_service')
    if (client === undefined) throw new BrokerError('interaction_gone', 'the portal is no longer registered')
    return client
  }
  const keptIn = (payload: unknown, uid: string): Interaction => {
    if (payload === undefined) throw new BrokerError('interaction_gone')
    const interaction = { ...(payload as Omit<Interaction, 'uid'>), uid }
    continueTrace(interaction.trace)
    return interaction
  }

  /** `recognise`; for another browser it notes the portal of the trip, which stays as it is. */
  async function recognise(ctx: Context, state: string | null): Promise<Secrets> {
    try {
      return trips.recognise(ctx, state)
    } catch (error) {
      const uid = uidIn(state)
      if (uid === undefined) throw error
      const kept = await currentUnit()
        .read(keyOf('Interaction', uid))
        .catch(() => undefined)
      const clientId = (kept as Interaction | undefined)?.params['client_id'] as string | undefined
      noteLostTrip(ctx, {
        clientId,
        isElsewhere: clientId !== undefined || readBrowser(ctx) === undefined,
      })
      throw error
    }
  }
  /** Marks the interaction as returned. */
  async function spend(uid: string) {
    const found = await currentUnit().spend(keyOf('Interaction', uid), config.ttl.interaction)
    return { interaction: keptIn(found?.payload, uid), isFirst: found?.spent === false }
  }

  const self: PendingLogins = {
    async find(ctx) {
      const secrets = await recognise(ctx, ctx['params'].state as string)
      const { uid } = secrets
      return self.restore(keptIn(await currentUnit().read(keyOf('Interaction', uid)), uid), secrets)
    },

    take: async ({ interaction: { uid } }) =>
      (await currentUnit().take(keyOf('Interaction', uid))) !== undefined,

    async takeReturned(ctx) {
      const secrets = await recognise(ctx, new URLSearchParams(ctx.querystring).get('state'))
      const { interaction, isFirst } = await spend(secrets.uid)
      if (!isFirst) {
        if (canGoOn(interaction)) noteLostTrip(ctx, { continueUrl: `/interaction/${secrets.state}/continue` })
        throw new BrokerError('interaction_gone', 'the callback was opened before')
      }
      const usedOnce = usedOnceOf(interaction)
      if (usedOnce !== undefined && !(await currentUnit().claim(usedOnce, usedOnceTtl)))
        throw new BrokerError('interaction_gone', 'the request that names an account was used before')
      tripsMade.inc({ step: 'returned' })
      awaySeconds.observe(Math.max(0, Date.now() / 1000 - interaction.iat))
      return self.restore(interaction, secrets)
    },

    async continue(ctx) {
      const { uid } = await recognise(ctx, ctx['params'].state as string)
      const { interaction } = await spend(uid)
      if (!canGoOn(interaction)) throw new BrokerError('interaction_gone', 'the portal must vouch again')
      const next = trips.nextUid(uid)
      const now = Math.floor(Date.now() / 1000)
      const again = {
        ...interaction,
        uid: next,
        jti: next,
        // VNeID must authenticate after this moment where the request asks for a new authentication.
        iat: now,
        returnTo: interaction.returnTo.replace(uid, next),
        continues: [...(interaction.continues ?? []), uid],
      }
      currentUnit().put(keyOf('Interaction', next), again, Math.max(1, interaction.exp - now))
      return self.restore(again, trips.bind(ctx, { interaction: again, client: await clientOf(again) }))
    },

    async restore(interaction, secrets) {
      const client = await clientOf(interaction)
      return { interaction, client, transaction: transactionOf({ interaction, client }, secrets) }
    },
  }
  return self
}

/**
 * Whether an interrupted request may go on. One that names an account may not: the portal vouched for the person at the
 * browser then, and must do so again.
 */
const canGoOn = ({ params }: Interaction): boolean => legacyAccountOf(params) === undefined

const statePattern = /^([\w-]{20,64})\.([\w-]{43})$/
const uidIn = (state: string | null): string | undefined => statePattern.exec(state ?? '')?.[1]

/** @param keys 32 bytes each, newest first; a trip that began under an older key is still recognised */
function createSecrets(keys: readonly Buffer[]) {
  const derived = keys.map((key) =>
    createSecretKey(Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'upstream transaction', 32))),
  )
  const mac = (key: KeyObject, ...parts: string[]) =>
    createHmac('sha256', key).update(parts.join('\0')).digest('base64url')
  const bind = (key: KeyObject, uid: string, browser: string) => mac(key, 'state', uid, browser)
  const under = (key: KeyObject, uid: string, state: string): Secrets => ({
    uid,
    state,
    nonce: mac(key, 'nonce', uid),
    codeVerifier: mac(key, 'verifier', uid),
  })

  return {
    begin(uid: string, browser: string): Secrets {
      const key = derived[0]!
      return under(key, uid, `${uid}.${bind(key, uid, browser)}`)
    },
    nextUid: (uid: string) => mac(derived[0]!, 'next', uid),
    recognise(state: string | null | undefined, browser: string | undefined): Secrets {
      const [, uid, given] = statePattern.exec(state ?? '') ?? []
      if (uid === undefined || given === undefined || browser === undefined)
        throw new BrokerError('interaction_gone')
      const key = derived.find((candidate) =>
        timingSafeEqual(Buffer.from(bind(candidate, uid, browser)), Buffer.from(given)),
      )
      if (key === undefined) throw new BrokerError('interaction_gone', 'another browser began this sign-in')
      return under(key, uid, `${uid}.${given}`)
    },
  }
}
