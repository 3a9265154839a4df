/** A person who has just come back from VNeID: left by the callback for the engine, which goes on within the same request. */
import type { Context } from 'koa'
import type { Link } from '../mapping/links.ts'
import type { Identity } from '../upstream/upstream.ts'
import type { BrokerGrant } from './identity-record.ts'

export interface Arrival {
  readonly subjectId: string
  readonly identity: Identity
  readonly links: readonly Link[]
  /** Of the account that the request named. */
  readonly linkOutcome?: BrokerGrant['linkOutcome']
}

const arrivals = new WeakMap<Context, Arrival>()
export const leaveArrival = (ctx: Context, arrival: Arrival): void => void arrivals.set(ctx, arrival)
/** Undefined where nobody came: the session serves again. */
export const arrivalOf = (ctx: Context): Arrival | undefined => arrivals.get(ctx)
