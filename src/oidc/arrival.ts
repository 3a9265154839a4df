/** Passes a person who has just returned from VNeID from the callback to the engine, within the same request. */
import type { Context } from 'koa'
import type { Link } from '../mapping/links.ts'
import type { Identity } from '../upstream/upstream.ts'
import type { BrokerGrant } from './identity-record.ts'

export interface Arrival {
  readonly subjectId: string
  readonly identity: Identity
  readonly links: readonly Link[]
  /** What became of the account that the request named. */
  readonly linkOutcome?: BrokerGrant['linkOutcome']
}

const arrivals = new WeakMap<Context, Arrival>()
export const leaveArrival = (ctx: Context, arrival: Arrival): void => void arrivals.set(ctx, arrival)
/** Undefined if the request did not return from VNeID, so that an existing session serves it. */
export const arrivalOf = (ctx: Context): Arrival | undefined => arrivals.get(ctx)
