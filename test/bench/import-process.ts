/** One import as in production: recorded by the main thread, executed by a separate thread. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, readFileSync } from 'node:fs'
import { createImportThreads } from '../../src/imports/thread.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createImport } from '../../src/imports/import.ts'
import type { ImportSummary } from '../../src/imports/run.ts'
import { openDatabase } from '../../src/store/db.ts'

export interface ImportOrder {
  readonly databaseUrl: string
  readonly clientId: string
  readonly file: string
  /** base64url */
  readonly keys: { readonly index: string; readonly seal: string; readonly pairwise: string }
}
export interface ImportReading {
  readonly summary: ImportSummary
  readonly seconds: number
  /** User and system time of the whole process, every thread, from its start. */
  readonly cpuMs: number
  /** Peak memory of the whole process. */
  readonly peakRssMb: number
  readonly reportBytes: number
}

const [order] = (await once(process, 'message')) as [ImportOrder]
process.send?.(await run(order))
process.disconnect()

async function run({ databaseUrl, clientId, file, keys }: ImportOrder): Promise<ImportReading> {
  const key = (text: string) => Buffer.from(text, 'base64url')
  const db = await openDatabase({ url: databaseUrl })
  const importLegacy = createImport({
    db,
    run: createImportThreads({
      database: { url: databaseUrl, pool: 10 },
      keys: { index: [key(keys.index)], seal: [key(keys.seal)], cookie: [], pairwise: key(keys.pairwise) },
    }),
    log: createLog({ level: 'info' }),
  })
  await db.ping()
  let reportBytes = 0
  const begun = performance.now()
  const summary = await importLegacy({
    id: randomUUID(),
    clientId,
    dryRun: false,
    actor: 'bench',
    reference: 'bench',
    source: createReadStream(file) as AsyncIterable<Buffer>,
    onReport: (text) => void (reportBytes += Buffer.byteLength(text)),
  })
  const seconds = (performance.now() - begun) / 1000
  await db.close()
  const { user, system } = process.cpuUsage()
  const peak = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return { summary, seconds, cpuMs: (user + system) / 1000, peakRssMb: Number(peak) / 1024, reportBytes }
}
