import { errors } from 'oidc-provider'
import { BrokerError, errorTable } from '../errors.ts'

/** Our failure as the engine knows failures, so that the portal hears its OAuth code; anything else is left as it is. */
export function toEngineError(error: unknown): unknown {
  const oauth = error instanceof BrokerError ? errorTable[error.code].oauth : undefined
  return oauth === undefined ? error : new errors.CustomOIDCProviderError(oauth, (error as BrokerError).code)
}
