/** An import in a separate process, which kills itself at a given moment. */
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createLog } from '../../../src/telemetry/log.ts'
import { createImport } from '../../../src/imports/import.ts'
import { createImportRun } from '../../../src/imports/run.ts'
import { openDatabase } from '../../../src/store/db.ts'
import { createMapping } from '../mapping/mapping.ts'
import { testKeys } from '../mapping/keys.ts'
import { sizes } from './batch-sizes.ts'

/** The process kills itself after this many steps of the state and this many milliseconds. */
const [url = '', clientId = '', file = '', state = '', steps = '', delay = ''] = process.argv.slice(2)
let left = Number(steps)
const die = () => process.kill(process.pid, 'SIGKILL')
const db = await openDatabase({ url, pool: 2 })
const { records } = createMapping({ db, keys: testKeys })
const run = createImportRun({ db, records, sizes })
await createImport({
  db,
  log: createLog({ level: 'silent' }),
  run: ({ onProgress, ...work }) =>
    run({
      ...work,
      onProgress(progress) {
        onProgress(progress)
        if (progress.state !== state || --left !== 0) return
        if (delay === '0') die()
        setTimeout(die, Number(delay))
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
