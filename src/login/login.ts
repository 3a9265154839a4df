/**
 * One login, from the portal's request to our answer. A portal sends a browser to us, and we send it to VNeID. VNeID's
 * answer becomes a subject in our database and an answer to the portal. The engine (`oidc/`) talks to the portal,
 * `upstream/` talks to VNeID. This room connects one interaction of the engine to one trip to VNeID, and binds both to one
 * browser.
 *
 *   portal          → GET /auth        The engine checks the request, and asks `oidc/policy.ts` whether the session of
 *                                      this browser serves. If it does, the person is looked up again
 *                                      (`engine-steps.ts`, admitAgain: step 5), and the engine answers with a code. If it
 *                                      does not, the engine stores an interaction and asks `engine-steps.ts` where to
 *                                      redirect the browser.
 *   1 trip.ts       begin              Redirects to our notice page, if the portal wants one (`routes.ts`: notice, start,
 *                                      cancel), otherwise to VNeID. Stores nothing: `state`, `nonce` and the PKCE verifier
 *                                      are derived from the interaction's uid and the browser's name (`browser.ts`).
 *   2 browser       → VNeID            The citizen signs in there; we ask for the level and the age that the portal
 *                                      requires.
 *   VNeID           → GET /callback    With `code` and `state`, through the same browser.
 *   3 trip.ts       takeReturned       `state` must belong to this browser's trip; the interaction is marked as returned in
 *                                      the state store, so that of two callbacks only one continues. If that one is
 *                                      interrupted, `continue` begins another trip for the same request.
 *   4 upstream/     complete           `code` → checked answers of VNeID → `Identity`.
 *   5 sign-in.ts    signIn             `Identity` → subject, links, audit; or a refusal.
 *                   session.ts         The session of another person in this browser ends.
 *                   link-routes.ts     If the portal vouches for an account: one of our pages asks the citizen, and the
 *                                      answer comes by POST.
 *   6 resume.ts     enter, refuse      The engine continues within the same request, either with the person, passed in
 *                                      `oidc/arrival.ts`, or with the OAuth error of the refusal.
 *   engine          → portal           `code`, `state`, `iss`. `oidc/grants.ts` and `oidc/accounts.ts` decide which claims
 *                                      the portal gets for the code.
 *
 * The device flow of an operator's terminal takes the same steps (`device-pages.ts`, then step 1), and `sign-in.ts` calls
 * `operator-gate.ts`. Logout is in `logout-routes.ts`. `page.ts`, `pages.ts` and `link-page.ts` render, and decide
 * nothing. The boundary (`http/boundary.ts`) answers every error that no step handles.
 */
import type { Middleware } from 'koa'
import type { Provider } from 'oidc-provider'
import { createVouching } from '../mapping/vouching.ts'
import type { CitizenSteps, DevicePages } from '../oidc/provider.ts'
import type { Parts } from '../parts.ts'
import { createDevicePages, guardUserCodes } from './device-pages.ts'
import { createEngineSteps } from './engine-steps.ts'
import { speakFormPost } from './form-post.ts'
import { createLinkRoutes, linkPageTtl } from './link-routes.ts'
import { createLogoutRoutes } from './logout-routes.ts'
import { type Pages, createPages } from './pages.ts'
import { createResume, hideEngineCookies } from './resume.ts'
import { createLoginRoutes } from './routes.ts'
import { createSignIn } from './sign-in.ts'
import { createPendingLogins, createTrips } from './trip.ts'

export interface Login {
  /** Hooks that the engine calls. */
  readonly steps: CitizenSteps
  readonly pages: Pages
  readonly device: DevicePages
  /** Seconds by which a page of ours may outlast the interaction's own expiry. */
  readonly linkPageTtl: number
  /** Middleware that runs before every route. */
  readonly guards: readonly Middleware[]
  /** The routes of this room, and the middleware that changes the engine's answers. */
  routes(provider: Provider): Middleware[]
}

export function createLogin(parts: Omit<Parts, 'state' | 'provider'>): Login {
  const trips = createTrips(parts)
  const signIn = createSignIn(parts)
  return {
    steps: createEngineSteps({ ...parts, trips, signIn }),
    pages: createPages(parts),
    device: createDevicePages(parts),
    linkPageTtl,
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
