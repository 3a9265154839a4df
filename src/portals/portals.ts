/**
 * The portals' own API: what a portal asks and tells without a citizen, as the client that it is.
 *
 *   portal → POST /token               client credentials; the engine answers with an access token
 *   portal → /legacy-accounts/…        `authentication.ts`: the token, its DPoP proof, the scope, the registration;
 *                                      `routes.ts`: the state of an account, the primary mark, and the changes of its
 *                                      links by a cursor (`feed.ts`)
 *   portal → /figures                  `figures.ts`: what was counted about it
 *
 * An account id may be a citizen's number, so it travels in bodies only. A failure is answered as a problem (RFC 9457).
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
