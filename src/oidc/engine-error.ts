import { errors } from 'oidc-provider'
import { BrokerError, errorTable } from '../errors.ts'

/** Converts a BrokerError with an OAuth code into an engine error, which the engine sends to the portal; returns any other error unchanged. */
export function toEngineError(error: unknown): unknown {
  const oauth = error instanceof BrokerError ? errorTable[error.code].oauth : undefined
  return oauth === undefined ? error : new errors.CustomOIDCProviderError(oauth, (error as BrokerError).code)
}
