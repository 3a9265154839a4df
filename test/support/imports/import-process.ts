/** Runs an import in a separate process that a test can kill; sends its progress to the parent. */
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createLog } from '../../../src/telemetry/log.ts'
import { createImport } from '../../../src/imports/import.ts'
import { createImportRun } from '../../../src/imports/run.ts'
import { openDatabase } from '../../../src/store/db.ts'
import { createMapping } from '../mapping/mapping.ts'
import { testKeys } from '../mapping/keys.ts'

const [url = '', clientId = '', file = ''] = process.argv.slice(2)
const db = await openDatabase({ url, pool: 2 })
const run = createImportRun({ db, records: createMapping({ db, keys: testKeys }).records })
await createImport({
  db,
  log: createLog({ level: 'silent' }),
  run: ({ onProgress, ...work }) =>
    run({
      ...work,
      onProgress(progress) {
        process.send?.(progress)
        onProgress(progress)
      },
    }),
})({
  id: randomUUID(),
  clientId,
  dryRun: false,
  actor: 'officer-1',
  reference: 'R',
  source: createReadStream(file) as AsyncIterable<Buffer>,
})
await db.close()
process.disconnect()
