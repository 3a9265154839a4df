import { BrokerError } from '../errors.ts'
import { upstreamCallSeconds } from '../telemetry/metrics.ts'
import { type Caller, OutgoingError, type OutgoingInit } from '../net/outgoing.ts'
import { traced } from '../telemetry/tracing.ts'
import { invalidAnswer } from './identity.ts'

/**
 * One call to VNeID that answers with JSON. A status means the same in both dialects.
 * @throws BrokerError `upstream_unavailable`, `upstream_rejected_us` or `upstream_answer_invalid`; its detail names the
 * step, and contains nothing of the answer but the status or the OAuth error code
 */
export const callForJson = (
  caller: Caller,
  step: 'token' | 'userinfo',
  url: string,
  init: OutgoingInit,
): Promise<unknown> => watchCall(step, () => ask(caller, step, url, init))

async function ask(caller: Caller, step: string, url: string, init: OutgoingInit): Promise<unknown> {
  const { status, body } = await caller(url, init).catch((error: unknown) => {
    throw unavailable(error)
  })
  if (status >= 500 || status === 429)
    throw new BrokerError('upstream_unavailable', `${step}: status ${status}`)
  const answer = parse(body)
  if (status >= 400) {
    const { error } = (answer ?? {}) as { error?: unknown }
    const code = typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? error : `status ${status}`
    throw new BrokerError('upstream_rejected_us', `${step}: ${code}`)
  }
  if (status !== 200) throw invalidAnswer(`${step}: status ${status}`)
  if (answer === undefined) throw invalidAnswer(`${step}: not JSON`)
  return answer
}

/** Converts a network error into a BrokerError `upstream_unavailable`; returns any other error unchanged. */
export const unavailable = (error: unknown): unknown =>
  error instanceof OutgoingError ? new BrokerError('upstream_unavailable', error.message) : error

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

const outcomes: Readonly<Record<string, string>> = {
  upstream_rejected_us: 'rejected',
  upstream_answer_invalid: 'invalid',
}

/** Records one call to VNeID in metrics and traces, with its kind and outcome. The trace id is not sent to VNeID. */
export async function watchCall<T>(
  kind: 'token' | 'userinfo' | 'keys' | 'discovery' | 'ready',
  work: () => Promise<T>,
): Promise<T> {
  const begun = performance.now()
  let outcome = 'answered'
  try {
    return await traced(`VNeID ${kind}`, work, { kind: 'client' })
  } catch (error) {
    outcome = (error instanceof BrokerError && outcomes[error.code]) || 'unavailable'
    throw error
  } finally {
    upstreamCallSeconds.observe({ kind, outcome }, (performance.now() - begun) / 1000)
  }
}
