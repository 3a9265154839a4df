/** Foreign errors of the oidc dialect → ours. */
import { ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client'
import { BrokerError } from '../errors.ts'
import { OutgoingError } from '../outgoing.ts'
import { invalidAnswer } from './identity.ts'

/** openid-client's errors hold bodies, claims and parameters: nothing of them leaves but the name of the check. */
export async function guard<T>(step: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw translate(step, error)
  }
}

function translate(step: string, error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  const cause = error instanceof Error ? error.cause : undefined
  const outgoing = [error, cause].find((one) => one instanceof OutgoingError)
  if (outgoing !== undefined) return new BrokerError('upstream_unavailable', outgoing.message)
  if (error instanceof ResponseBodyError) {
    const code = /^[a-z_]{1,64}$/.test(error.error) ? error.error : `status ${error.status}`
    return new BrokerError('upstream_rejected_us', `${step}: ${code}`)
  }
  if (error instanceof WWWAuthenticateChallengeError) {
    return new BrokerError('upstream_rejected_us', `${step}: status ${error.status}`)
  }
  if (cause instanceof Response) {
    const code =
      cause.status >= 400 && step !== 'discovery' ? 'upstream_rejected_us' : 'upstream_answer_invalid'
    return new BrokerError(code, `${step}: status ${cause.status}`)
  }
  // The library's own sentences for these two are constant: they quote a claim's name, never its value.
  const constant =
    cause instanceof Error && /^(OperationProcessing|UnsupportedOperation)Error$/.test(cause.name)
  return invalidAnswer(`${step}: ${constant ? cause.message : 'malformed'}`)
}
