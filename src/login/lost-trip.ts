/**
 * What is known about a sign-in that a browser asks for and that cannot go on, so that the page offers the next step: the
 * portal to go back to, a word about cookies, or a button that goes on with the same request.
 */
import type { Context } from 'koa'

export interface LostTrip {
  /** The portal that began the sign-in, if it still waits. */
  readonly clientId?: string | undefined
  /** The browser lacks the cookie of the browser that began it. */
  readonly isElsewhere?: boolean
  /** Path at which this browser goes on with the same request. */
  readonly continueUrl?: string
}

const lost = new WeakMap<Context, LostTrip>()
export const noteLostTrip = (ctx: Context, trip: LostTrip): void => void lost.set(ctx, trip)
export const lostTripOf = (ctx: Context): LostTrip => lost.get(ctx) ?? {}
