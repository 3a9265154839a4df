/**
 * A login's trip to VNeID and back. The trip itself is not stored: its secrets are derived from the interaction, and
 * `state` is bound to the browser that began it. A callback that we did not begin, or that another browser began, is
 * refused before anything is read (RFC 9700 §4.7). Then the engine's interaction is read, or taken so that it continues
 * only once.
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
  /** Takes the login that returns from VNeID, so that only one of two callbacks continues. @throws as `find` */
  takeReturned(ctx: Context): Promise<PendingLogin>
  /** Rebuilds a login from an interaction that the caller holds. @throws BrokerError `interaction_gone`, `portal_not_in_service` */
  restore(interaction: Interaction, secrets: Secrets): Promise<PendingLogin>
}

export function createPendingLogins({
  provider,
  registry,
  trips,
}: Pick<Parts, 'provider' | 'registry'> & { trips: Trips }): PendingLogins {
  async function clientOf({ params }: Interaction): Promise<Client> {
    const id = String(params['client_id'])
    const client = await provider.Client.find(id)
    if (client === undefined && registry.isOutOfService(id)) throw new BrokerError('portal_not_in_service')
    if (client === undefined) throw new BrokerError('interaction_gone', 'the portal is no longer registered')
    return client
  }
  const found = (payload: unknown, uid: string): Interaction => {
    if (payload === undefined) throw new BrokerError('interaction_gone')
    const interaction = { ...(payload as Omit<Interaction, 'uid'>), uid }
    continueTrace(interaction.trace)
    return interaction
  }

  const self: PendingLogins = {
    async find(ctx) {
      const secrets = trips.recognise(ctx, ctx['params'].state as string)
      const { uid } = secrets
      return self.restore(found(await currentUnit().read(keyOf('Interaction', uid)), uid), secrets)
    },

    take: async ({ interaction: { uid } }) =>
      (await currentUnit().take(keyOf('Interaction', uid))) !== undefined,

    async takeReturned(ctx) {
      const secrets = trips.recognise(ctx, new URLSearchParams(ctx.querystring).get('state'))
      const { uid } = secrets
      const interaction = found(await currentUnit().take(keyOf('Interaction', uid)), uid)
      const usedOnce = usedOnceOf(interaction)
      if (usedOnce !== undefined && !(await currentUnit().claim(usedOnce, usedOnceTtl)))
        throw new BrokerError('interaction_gone', 'the request that names an account was used before')
      tripsMade.inc({ step: 'returned' })
      awaySeconds.observe(Math.max(0, Date.now() / 1000 - interaction.iat))
      return self.restore(interaction, secrets)
    },

    async restore(interaction, secrets) {
      const client = await clientOf(interaction)
      return { interaction, client, transaction: transactionOf({ interaction, client }, secrets) }
    },
  }
  return self
}

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
    recognise(state: string | null | undefined, browser: string | undefined): Secrets {
      const [, uid, given] = /^([\w-]{20,64})\.([\w-]{43})$/.exec(state ?? '') ?? []
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
