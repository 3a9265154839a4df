/**
 * A write that is sent twice under one Idempotency-Key is carried out once. The key is stored before the write and the
 * answer after it, so a node may die in between. The audit then shows whether the write was committed, because every
 * write records an event in its own transaction, with the reference of its request. If it was committed, its answer is
 * lost and the caller receives `idempotency_lost`; if not, the next request with the key carries it out.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { BrokerError, errorTable } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Seal } from '../crypto/seal.ts'
import type { Db } from '../store/db.ts'
import {
  type KeyUse,
  abandonAttempt,
  beginAttempt,
  endAttempt,
  findAttempt,
  hasWritten,
  releaseKey,
  takeOver,
} from '../store/idempotent-requests.ts'

/** The parts of an answer that are stored. */
export interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The JSON body. */
  readonly body?: unknown
}

export interface Keyed {
  readonly operatorId: string
  /** Method and path of the operation. */
  readonly operation: string
  readonly key: string
  /** The whole input: two requests are the same if this is equal as JSON. */
  readonly request: unknown
  readonly reference: string
}

interface Kept {
  /** SHA-256 of the request. Stored sealed, because the request may contain an identification number. */
  readonly request: string
  readonly answer?: KeptAnswer
}

/** @returns the answer, and whether it is the stored answer of an earlier request */
export type Once = (
  keyed: Keyed,
  work: () => Promise<KeptAnswer>,
) => Promise<KeptAnswer & { readonly isReplayed: boolean }>

/**
 * The Idempotency-Key of a request; undefined if it has none. An empty one is refused, because a caller whose variable
 * was empty would send the write twice.
 */
export function keyIn({ headersDistinct }: IncomingMessage): string | undefined {
  const [key, ...others] = headersDistinct['idempotency-key'] ?? []
  if (others.length > 0) throw new BrokerError('input_invalid', 'Idempotency-Key: must be sent once')
  if (key !== undefined && !keyPattern.test(key)) throw new BrokerError('input_invalid', wrongKey)
  return key
}
export const keyPattern = /^[\w.:-]{16,128}$/
const wrongKey =
  'Idempotency-Key: must be 16 to 128 characters: letters, digits, . : _ - (without a key, leave out the header)'

const sha256 = (text: string) => createHash('sha256').update(text).digest()

export function createOnce({ db, seal, log }: { db: Db; seal: Seal; log: Log }): Once {
  return async function once({ operatorId, operation, key, request, reference }, work) {
    const use: KeyUse = { operatorId, operation, keyHash: sha256(key) }
    // `store/ring.ts` builds the same context when it re-seals the row.
    const context = `${operatorId} ${operation} ${use.keyHash.toString('hex')}`
    const kept: Kept = { request: sha256(JSON.stringify(request)).toString('hex') }
    const sealed = (what: Kept) => seal.seal(JSON.stringify(what), context)

    async function earlier(): Promise<KeptAnswer | undefined> {
      if (await beginAttempt(db, use, { reference, sealed: sealed(kept) })) return undefined
      const before = await findAttempt(db, use)
      // Another request released the key between the two statements.
      if (before === undefined) throw new BrokerError('idempotency_running')
      const { request: same, answer } = JSON.parse(seal.open(before.sealed, context)) as Kept
      if (same !== kept.request) throw new BrokerError('idempotency_conflict')
      if (before.state === 'done') return answer
      if (before.state === 'alive') throw new BrokerError('idempotency_running')
      if (await hasWritten(db, before.reference))
        throw new BrokerError('idempotency_lost', `its reference was ${before.reference}`)
      if (!(await takeOver(db, use, before.reference, reference)))
        throw new BrokerError('idempotency_running')
      return undefined
    }

    const answered = await earlier()
    if (answered !== undefined) return { ...answered, isReplayed: true }
    try {
      const answer = await work()
      // The write is committed, so a failure to store the answer must not fail the request.
      await endAttempt(db, use, { reference, sealed: sealed({ ...kept, answer }) }).catch(warn)
      return { ...answer, isReplayed: false }
    } catch (error) {
      // After a broken connection the database may still commit: the key stays taken until it expires.
      if (!isCutOff(error))
        await (wasRefused(error) ? releaseKey : abandonAttempt)(db, use, reference).catch(warn)
      throw error
    }

    function warn(error: unknown): void {
      log.warn({ event: 'idempotency.unkept', operation, reference, err: error })
    }
  }
}

/** A refusal happens before anything is written; after any other failure the state is unknown. */
const wasRefused = (error: unknown): boolean =>
  error instanceof BrokerError && errorTable[error.code].status < 500

const isCutOff = (error: unknown): boolean =>
  error instanceof BrokerError && error.code === 'store_unavailable'
