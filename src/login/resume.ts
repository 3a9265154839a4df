/**
 * How a login goes on in the engine: with a person, or with a refusal that the portal hears. It costs no redirect: the
 * request that ends the citizen's part continues the engine's own resumption. The engine would carry an interaction
 * over two redirects by two cookies; here they exist only in this request, because `trip.ts` binds the browser already.
 */
import type { Context, Middleware, Next } from 'koa'
import { referenceOf } from '../http/boundary.ts'
import { acrOf } from '../oidc/acr.ts'
import { type Arrival, leaveArrival } from '../oidc/arrival.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import type { Parts } from '../parts.ts'
import { noteRefusal } from './refusal.ts'
import type { PendingLogin } from './trip.ts'

/** What goes on needs no trip any more. */
type Ended = Pick<PendingLogin, 'interaction' | 'client'>

export interface Resume {
  /** With what the portal shall hear. */
  finish(ctx: Context, login: Ended, result: object, next: Next): Promise<void>
  /** The person enters. */
  enter(ctx: Context, login: Ended, arrival: Arrival, next: Next): Promise<void>
  /** The portal hears of it while its request is alive. @throws the error itself where no OAuth error stands for it */
  refuse(ctx: Context, login: Ended, error: unknown, next: Next): Promise<void>
}

export function createResume({ db, log }: Pick<Parts, 'db' | 'log'>): Resume {
  const self: Resume = {
    finish(ctx, { interaction }, result, next) {
      currentUnit().pretend(keyOf('Interaction', interaction.uid), { ...interaction, result })
      return resumeInEngine(ctx, interaction, next)
    },

    enter(ctx, login, arrival, next) {
      const { identity, subjectId } = arrival
      leaveArrival(ctx, arrival)
      const person = {
        accountId: subjectId,
        // The cookie ends with the browser: counter PCs are shared.
        remember: false,
        ts: identity.authenticatedAt,
        ...(identity.level === undefined ? {} : { acr: acrOf(identity.level) }),
      }
      return self.finish(ctx, login, { login: person, consent: {} }, next)
    },

    async refuse(ctx, login, error, next) {
      const { code, oauth } = await noteRefusal({ db, log }, ctx, login.client.clientId, error)
      const result = { error: oauth, error_description: `${code} (${referenceOf(ctx)})` }
      return self.finish(ctx, login, result, next)
    },
  }
  return self
}

const engineCookies = new Set(['interaction', 'resume'])
/** The interaction that this request continues. */
const resumed = new WeakMap<Context, string>()

/** Before the engine: its two interaction cookies are neither set nor believed. */
export const hideEngineCookies: Middleware = (ctx, next) => {
  const { cookies } = ctx
  const get = cookies.get.bind(cookies)
  const set = cookies.set.bind(cookies)
  cookies.get = (name, options) => (engineCookies.has(name) ? resumed.get(ctx) : get(name, options))
  cookies.set = (name, value, options) => (engineCookies.has(name) ? cookies : set(name, value, options))
  return next()
}

/** As if the browser had been sent to the interaction's resume address. */
async function resumeInEngine(
  ctx: Context,
  { uid, returnTo }: PendingLogin['interaction'],
  next: Next,
): Promise<void> {
  const { method, _matchedRouteName: route } = ctx as Context & { _matchedRouteName?: string }
  resumed.set(ctx, uid)
  // `/auth/…` for a portal, `/device/…` for an operator's terminal.
  ctx.path = new URL(returnTo).pathname
  // A decision comes by POST, and stays one for whoever answers or logs this request; so does the step's own name.
  ctx.method = 'GET'
  await next()
  Object.assign(ctx, { method, _matchedRouteName: route })
}
