/**
 * The citizen, between the two issuers: a portal sends a browser to us, we send it to VNeID, and what comes back becomes
 * a subject in our database and an answer to the portal. The engine (`oidc/`) speaks with the portal, `upstream/` with
 * VNeID; this room connects one interaction of the engine to one trip to VNeID, and binds both to one browser.
 *
 *   portal          → GET /auth        The engine checks the request, and asks `oidc/policy.ts` whether the session of
 *                                      this browser serves. If it does, the person is looked up again
 *                                      (`engine-steps.ts`, admitAgain: step 5), and the engine answers with a code. If it
 *                                      does not, the engine stores an interaction and asks `engine-steps.ts` where the
 *                                      browser goes now.
 *   1 trip.ts       begin              To our notice page, if the portal wants one (`routes.ts`: notice, start, cancel),
 *                                      otherwise to VNeID. Nothing is stored: `state`, `nonce` and the PKCE verifier are
 *                                      derived from the interaction's uid and the browser's name (`browser.ts`).
 *   2 browser       → VNeID            The citizen signs in there; we ask for the level and the age that the portal
 *                                      requires.
 *   VNeID           → GET /callback    With `code` and `state`, through the same browser.
 *   3 trip.ts       takeReturned       `state` must belong to this browser's trip; the interaction is taken from the
 *                                      state store, so that of two callbacks one goes on.
 *   4 upstream/     complete           `code` → checked answers of VNeID → `Identity`.
 *   5 sign-in.ts    signIn             `Identity` → subject, links, audit; or a refusal.
 *                   session.ts         The session of another person in this browser ends.
 *                   link-routes.ts     The portal vouches for an account: the citizen is asked on a page of ours, and
 *                                      the answer comes by POST.
 *   6 resume.ts     enter, refuse      The engine goes on within the same request: with the person, left for it in
 *                                      `oidc/arrival.ts`, or with the OAuth error that stands for the refusal.
 *   engine          → portal           `code`, `state`, `iss`. What the code buys: `oidc/grants.ts`, `oidc/accounts.ts`.
 *
 * An operator's terminal comes the same way by the device flow (`device-pages.ts`, then step 1); `sign-in.ts` asks the
 * operators' gate. The way out is in `logout-routes.ts`. `page.ts`, `pages.ts` and `link-page.ts` render, and decide
 * nothing. An error that no step answers is the boundary's (`http/boundary.ts`).
 */
import type { Middleware } from 'koa'
import type { Provider } from 'oidc-provider'
import { createVouching } from '../mapping/vouching.ts'
import type { CitizenSteps, DevicePages } from '../oidc/provider.ts'
import type { Parts } from '../parts.ts'
import { createDevicePages, guardUserCodes } from './device-pages.ts'
import { createEngineSteps } from './engine-steps.ts'
import { speakFormPost } from './form-post.ts'
import { createLinkRoutes, patience } from './link-routes.ts'
import { createLogoutRoutes } from './logout-routes.ts'
import { type Pages, createPages } from './pages.ts'
import { createResume, hideEngineCookies } from './resume.ts'
import { createLoginRoutes } from './routes.ts'
import { createSignIn } from './sign-in.ts'
import { createPendingLogins, createTrips } from './trip.ts'

export interface Login {
  /** What the engine asks of this room. */
  readonly steps: CitizenSteps
  readonly pages: Pages
  readonly device: DevicePages
  /** Seconds that a page of ours may hold an interaction beyond its own end. */
  readonly patience: number
  /** Before every other route. */
  readonly guards: readonly Middleware[]
  /** Our addresses, and what is done to answers of the engine. */
  routes(provider: Provider): Middleware[]
}

export function createLogin(parts: Omit<Parts, 'state' | 'provider'>): Login {
  const trips = createTrips(parts)
  const signIn = createSignIn(parts)
  return {
    steps: createEngineSteps({ ...parts, trips, signIn }),
    pages: createPages(parts),
    device: createDevicePages(parts),
    patience,
    guards: [hideEngineCookies, guardUserCodes],
    routes(provider) {
      const served = { ...parts, provider, trips, signIn, resume: createResume(parts) }
      const pending = createPendingLogins(served)
      const link = createLinkRoutes({ ...served, pending, vouching: createVouching(parts) })
      const login = createLoginRoutes({ ...served, pending, beginLink: link.begin })
      return [link.routes, login, createLogoutRoutes(served), speakFormPost]
    },
  }
}
