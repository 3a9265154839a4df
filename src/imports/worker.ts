/**
 * The worker thread of an import: parsing and sealing takes half a minute per million rows and must not block logins.
 * It has its own database connection. `thread.ts` defines the messages.
 */
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { createCitizenKeys } from '../citizen-id.ts'
import { createImportRun } from './run.ts'
import { createLegacyRecords } from '../mapping/record.ts'
import { createSeal } from '../crypto/seal.ts'
import { openDatabase } from '../store/db.ts'
import type { FromThread, ThreadOrder, ToThread } from './thread.ts'

const port = parentPort!
const { databaseUrl, keys: given, work } = workerData as ThreadOrder
const send = (message: FromThread) => port.postMessage(message)
const receive = async () => ((await once(port, 'message')) as [ToThread])[0]

async function* received(): AsyncIterable<Buffer> {
  for (;;) {
    send({ kind: 'more' })
    const message = await receive()
    if (message.kind !== 'chunk') return
    yield Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.byteLength)
  }
}

const keys = {
  index: given.index.map((key) => Buffer.from(key)),
  seal: given.seal.map((key) => Buffer.from(key)),
  pairwise: Buffer.from(given.pairwise),
}
const db = await openDatabase({ url: databaseUrl, pool: 1 })
try {
  const citizenKeys = createCitizenKeys({ indexKeys: keys.index, seal: createSeal(keys.seal, 'identifier') })
  const run = createImportRun({ db, records: createLegacyRecords({ citizenKeys, keys }) })
  const summary = await run({
    ...work,
    source: received(),
    onProgress: (progress) => send({ kind: 'progress', progress }),
    onReport: async (text) => {
      send({ kind: 'report', text })
      await receive()
    },
  })
  send({ kind: 'done', summary })
} catch (error) {
  const { code, message, detail } = error as { code?: string; message: string; detail?: string }
  send({ kind: 'failed', code, message, detail })
} finally {
  await db.close()
  port.close()
}
