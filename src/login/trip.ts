/**
 * A login's trip to VNeID and back. Nothing of it is stored: its secrets are derived from the interaction, and `state`
 * is bound to the browser that began it. A callback that was not begun here, or in another browser, is recognised
 * before anything is read (RFC 9700 §4.7).
 */
import { createHmac, createSecretKey, type KeyObject, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Context } from 'koa'
import type { Client } from 'oidc-provider'
import { BrokerError } from '../errors.ts'
import { freshness, requirementOf } from '../oidc/policy.ts'
import type { Parts } from '../parts.ts'
import { policyOf } from '../registry/clients.ts'
import { trips } from '../telemetry/metrics.ts'
import type { Transaction } from '../upstream/upstream.ts'
import { localeOf, nameBrowser, readBrowser } from './browser.ts'

/** The engine's record of a request that waits for the citizen, as far as we read it. */
export interface Interaction {
  readonly uid: string
  readonly iat: number
  readonly exp: number
  readonly params: Readonly<Record<string, unknown>>
  readonly prompt: { readonly reasons: readonly string[] }
  readonly returnTo: string
  /** The engine's session when the request came. */
  session?: unknown
  /** The trace that the request to sign in belongs to. */
  readonly trace?: unknown
  /** Set when the request was pushed. */
  readonly parJti?: string
}

/** A login that has begun and not ended: the one type of it in this room. */
export interface PendingLogin {
  readonly interaction: Interaction
  /** The portal that began it. */
  readonly client: Client
  readonly transaction: Transaction
}
/** Before its trip begins. */
type NewLogin = Pick<PendingLogin, 'interaction' | 'client'>
export type Secrets = Pick<Transaction, 'state' | 'nonce' | 'codeVerifier'> & { readonly uid: string }

export interface Trips {
  /** Where the browser goes first: to our notice, if the portal wants one, otherwise to VNeID. @throws BrokerError `level_unmet` */
  begin(ctx: Context, login: NewLogin): Promise<string>
  /** The address at VNeID. */
  leave(ctx: Context, login: NewLogin): Promise<string>
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
      trips.inc({ step: 'begun' })
      return upstream.begin(transactionOf(login, secretsFor(ctx, login)), {
        locale,
        ...(level === 'unknown' ? {} : { level }),
      })
    },

    recognise: (ctx, state) => secrets.recognise(state, readBrowser(ctx)?.id),
  }
  return self
}

/** How old an authentication at VNeID may be is decided here for both ways: what is asked there is what is checked. */
export function transactionOf({ interaction, client }: NewLogin, secrets: Secrets): Transaction {
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

/** @param keys 32 bytes each, newest first; a trip begun under an older one still comes home */
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
      if (key === undefined) throw new BrokerError('interaction_gone', 'begun in another browser')
      return under(key, uid, `${uid}.${given}`)
    },
  }
}
