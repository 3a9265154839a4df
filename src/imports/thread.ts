/** Runs an import in a thread (`worker.ts`): one thread per import, at most two at a time. */
import { Worker } from 'node:worker_threads'
import type { Config } from '../config/config.ts'
import { BrokerError, type ErrorCode, errorTable } from '../errors.ts'
import type { ImportProgress, ImportSummary, ImportWork, RunImport } from './run.ts'

export interface ThreadOrder {
  readonly databaseUrl: string
  readonly keys: {
    readonly index: readonly Uint8Array[]
    readonly seal: readonly Uint8Array[]
    readonly pairwise: Uint8Array
  }
  readonly work: Pick<ImportWork, 'clientId' | 'dryRun' | 'actor' | 'reference'>
}
/** `more` and `report` wait for an answer, which gives backpressure in both directions. */
export type FromThread =
  | { kind: 'more' }
  | { kind: 'progress'; progress: ImportProgress }
  | { kind: 'report'; text: string }
  | { kind: 'done'; summary: ImportSummary }
  | { kind: 'failed'; code: string | undefined; message: string; detail: string | undefined }
export type ToThread =
  | { kind: 'chunk'; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'end' }
  | { kind: 'reported' }

/** Heap limits in MB. An import's objects are short-lived, so a larger young generation would only use more memory. */
const limits = { maxYoungGenerationSizeMb: 16, maxOldGenerationSizeMb: 128 }
const most = 2

export function createImportThreads(config: Pick<Config, 'database' | 'keys'>): RunImport {
  let running = 0
  return async ({ source, onProgress, onReport, ...work }) => {
    if (running >= most)
      throw new BrokerError(
        'state_conflict',
        `${most} imports are already running on this node; try again later`,
      )
    running += 1
    const { index, seal, pairwise } = config.keys
    const order: ThreadOrder = { databaseUrl: config.database.url, keys: { index, seal, pairwise }, work }
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: order,
      resourceLimits: limits,
    })
    const chunks = source[Symbol.asyncIterator]()
    const send = (message: ToThread, moved: ArrayBuffer[] = []) => worker.postMessage(message, moved)
    const answer = async (message: FromThread): Promise<void> => {
      if (message.kind === 'more') {
        const { value, done } = await chunks.next()
        if (done) return send({ kind: 'end' })
        const bytes = Uint8Array.from(value)
        send({ kind: 'chunk', bytes }, [bytes.buffer])
      } else if (message.kind === 'report') {
        await onReport?.(message.text)
        send({ kind: 'reported' })
      } else if (message.kind === 'progress') onProgress(message.progress)
    }
    try {
      return await new Promise<ImportSummary>((resolve, reject) => {
        worker.on('message', (message: FromThread) => {
          if (message.kind === 'done') resolve(message.summary)
          else if (message.kind === 'failed') reject(toError(message))
          // Fails when the sender of the file or the reader of the report disconnects.
          else answer(message).catch(reject)
        })
        worker.once('error', reject)
        worker.once('exit', () => reject(new Error('the import thread exited unexpectedly')))
      })
    } finally {
      running -= 1
      await worker.terminate()
    }
  }
}

function toError({ code, message, detail }: Extract<FromThread, { kind: 'failed' }>): Error {
  if (code !== undefined && Object.hasOwn(errorTable, code)) return new BrokerError(code as ErrorCode, detail)
  return Object.assign(new Error(message), { code })
}
