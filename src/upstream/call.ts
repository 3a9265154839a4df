import { BrokerError } from '../errors.ts'
import { type Caller, OutgoingError, type OutgoingInit } from '../outgoing.ts'
import { invalidAnswer } from './identity.ts'

/**
 * One call to VNeID, answered by JSON. Both dialects mean the same by a status.
 * @throws BrokerError naming the step; never with anything of the answer but an OAuth error code
 */
export async function callForJson(
  caller: Caller,
  step: 'token' | 'userinfo',
  url: string,
  init: OutgoingInit,
): Promise<unknown> {
  const { status, body } = await caller(url, init).catch((error: unknown) => {
    throw unavailable(error)
  })
  if (status >= 500 || status === 429)
    throw new BrokerError('upstream_unavailable', `${step}: status ${status}`)
  const said = parse(body)
  if (status >= 400) {
    const { error } = (said ?? {}) as { error?: unknown }
    const code = typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? error : `status ${status}`
    throw new BrokerError('upstream_rejected_us', `${step}: ${code}`)
  }
  if (status !== 200) throw invalidAnswer(`${step}: status ${status}`)
  if (said === undefined) throw invalidAnswer(`${step}: not JSON`)
  return said
}

/** A network fault as what it means for the citizen. */
export const unavailable = (error: unknown): unknown =>
  error instanceof OutgoingError ? new BrokerError('upstream_unavailable', error.message) : error

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
