/** How an interaction ends: with a person, or with a refusal that the portal hears; in the same request. */
import type { Context } from 'koa'
import type { Client, Provider } from 'oidc-provider'
import { BrokerError } from '../errors.ts'
import { referenceOf } from '../http/boundary.ts'
import type { Log } from '../telemetry/log.ts'
import { acrOf } from '../oidc/acr.ts'
import { type Arrival, leaveArrival } from '../oidc/arrival.ts'
import type { BrokerSession } from '../oidc/identity-record.ts'
import { endSession, sessionOf } from '../oidc/logout.ts'
import type { Registry } from '../registry/registry.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import type { Db } from '../store/db.ts'
import type { Pending } from './face.ts'
import { resumeInEngine } from './hand-off.ts'
import { recordRefusal, recordSessionEnd } from './record.ts'

/** The engine's record, as far as we read it. */
export type Interaction = Pending & {
  session?: unknown
  returnTo: string
  result?: unknown
  exp: number
  /** The trace that the request to sign in belongs to. */
  trace?: unknown
  /** Set when the request was pushed. */
  parJti?: string
}

/** An interaction that was taken, and so is this request's to end. */
export interface Taken {
  readonly uid: string
  readonly interaction: Interaction
  readonly client: Client
}

type Next = () => Promise<unknown>

export interface Ending {
  /** The portal that began it. @throws BrokerError when it is out of service, or no longer registered */
  clientOf(interaction: Pending): Promise<Client>
  /** Ends the interaction with what the portal shall hear. */
  finish(ctx: Context, taken: Omit<Taken, 'client'>, result: object, next: Next): Promise<void>
  /** The person enters. */
  enter(ctx: Context, taken: Taken, arrival: Arrival, next: Next): Promise<void>
  /** The portal hears of it while its request is alive. */
  refuse(ctx: Context, taken: Taken, error: unknown, next: Next): Promise<void>
  /** Another person at a shared computer: nothing of the one before may be inherited. */
  endSessionUnless(
    ctx: Context,
    interaction: Interaction,
    isSame: (session: BrokerSession) => boolean,
  ): Promise<void>
}

export function createEnding({
  db,
  provider,
  registry,
  log,
}: {
  db: Db
  provider: Provider
  registry: Registry
  log: Log
}): Ending {
  const ending: Ending = {
    async clientOf({ params }) {
      const id = String(params['client_id'])
      const client = await provider.Client.find(id)
      if (client === undefined && registry.isOutOfService(id)) throw new BrokerError('portal_not_in_service')
      if (client === undefined)
        throw new BrokerError('interaction_gone', 'the portal is no longer registered')
      return client
    },

    finish(ctx, { uid, interaction }, result, next) {
      currentUnit().pretend(keyOf('Interaction', uid), { ...interaction, result })
      return resumeInEngine(ctx, { uid, returnTo: interaction.returnTo }, next)
    },

    enter(ctx, taken, arrival, next) {
      const { identity, subjectId } = arrival
      leaveArrival(ctx, arrival)
      const login = {
        accountId: subjectId,
        // The cookie ends with the browser: counter PCs are shared.
        remember: false,
        ts: identity.authenticatedAt,
        ...(identity.level === undefined ? {} : { acr: acrOf(identity.level) }),
      }
      return ending.finish(ctx, taken, { login, consent: {} }, next)
    },

    async refuse(ctx, taken, error, next) {
      const { code, oauth } = await recordRefusal({ db, log }, ctx, taken.client.clientId, error)
      const result = { error: oauth, error_description: `${code} (${referenceOf(ctx)})` }
      return ending.finish(ctx, taken, result, next)
    },

    async endSessionUnless(ctx, interaction, isSame) {
      const session = await sessionOf(provider, ctx)
      if (session?.accountId === undefined || isSame(session)) return
      await endSession(provider, session, log)
      delete interaction.session
      await recordSessionEnd({ db, log }, ctx, session.accountId, 'another_person')
    },
  }
  return ending
}
