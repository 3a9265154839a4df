/**
 * The portals' own API, which a portal calls without a citizen, authenticated as a client.
 *
 *   portal → POST /token               client credentials; the engine answers with an access token
 *   portal → /legacy-accounts/…        `authentication.ts`: the token, its DPoP proof, the scope, the registration;
 *                                      `routes.ts`: the state of an account, the primary mark, and the changes of its
 *                                      links by a cursor (`feed.ts`)
 *   portal → /figures                  `figures.ts`: the portal's figures
 *
 * An account id may be a citizen's number, so it is sent only in bodies, never in a URL. Failures are answered as problems
 * (RFC 9457).
 */
import type { Middleware } from 'koa'
import { createSubOf } from '../oidc/accounts.ts'
import type { Parts } from '../parts.ts'
import { type Figures, createFigures } from './figures.ts'
import { createPortalApi } from './routes.ts'

export function createPortals(
  parts: Pick<Parts, 'config' | 'db' | 'log' | 'periods' | 'provider' | 'registry' | 'records'>,
): { routes: Middleware; figures: Figures } {
  const { issuer, keys } = parts.config
  const figures = createFigures({ ...parts, period: parts.periods.figures })
  return {
    routes: createPortalApi({ ...parts, issuer, subOf: createSubOf(keys.pairwise), figures }),
    figures,
  }
}
