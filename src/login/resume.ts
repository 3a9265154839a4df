/**
 * Resumes a login in the engine, with a person or with a refusal for the portal. No redirect is needed: the request that
 * ends the citizen's part runs the engine's resume step itself. The engine would carry an interaction over two redirects
 * by two cookies. Here these cookies exist only within the request, because `trip.ts` already binds the browser.
 */
import type { Context, Middleware, Next } from 'koa'
import { referenceOf } from '../http/boundary.ts'
import { acrOf } from '../oidc/acr.ts'
import { type Arrival, leaveArrival } from '../oidc/arrival.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import type { Parts } from '../parts.ts'
import { noteRefusal } from './refusal.ts'
import type { PendingLogin } from './trip.ts'

/** A login whose trip to VNeID is over. */
type Ended = Pick<PendingLogin, 'interaction' | 'client'>

export interface Resume {
  /** Resumes with a result in the engine's form (`login` and `consent`, or `error`). */
  finish(ctx: Context, login: Ended, result: object, next: Next): Promise<void>
  /** Resumes with the person signed in. */
  enter(ctx: Context, login: Ended, arrival: Arrival, next: Next): Promise<void>
  /** Answers the portal with the OAuth error of the refusal. @throws the error itself if its code has no OAuth error */
  refuse(ctx: Context, login: Ended, error: unknown, next: Next): Promise<void>
}

export function createResume({ db, log }: Pick<Parts, 'db' | 'log'>): Resume {
  const self: Resume = {
    finish(ctx, { interaction }, result, next) {
      currentUnit().pretend(keyOf('Interaction', interaction.uid), { ...interaction, result })
      // The engine deletes this record; those of interrupted trips for the same request end with it.
      for (const uid of interaction.continues ?? []) currentUnit().delete(keyOf('Interaction', uid))
      return resumeInEngine(ctx, interaction, next)
    },

    enter(ctx, login, arrival, next) {
      const { identity, subjectId } = arrival
      leaveArrival(ctx, arrival)
      const person = {
        accountId: subjectId,
        // The session cookie ends with the browser session, because counter PCs are shared.
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

/** Runs before the engine. Its two interaction cookies are neither set in the browser nor read from it. */
export const hideEngineCookies: Middleware = (ctx, next) => {
  const { cookies } = ctx
  const get = cookies.get.bind(cookies)
  const set = cookies.set.bind(cookies)
  cookies.get = (name, options) => (engineCookies.has(name) ? resumed.get(ctx) : get(name, options))
  cookies.set = (name, value, options) => (engineCookies.has(name) ? cookies : set(name, value, options))
  return next()
}

/** Runs the engine as if the browser had requested the interaction's resume URL. */
async function resumeInEngine(
  ctx: Context,
  { uid, returnTo }: PendingLogin['interaction'],
  next: Next,
): Promise<void> {
  const { method, _matchedRouteName: route } = ctx as Context & { _matchedRouteName?: string }
  resumed.set(ctx, uid)
  // The path is `/auth/…` for a portal and `/device/…` for an operator's terminal.
  ctx.path = new URL(returnTo).pathname
  // The engine resumes by GET only. Method and route name are restored after it, for the log line of this request.
  ctx.method = 'GET'
  await next()
  Object.assign(ctx, { method, _matchedRouteName: route })
}
