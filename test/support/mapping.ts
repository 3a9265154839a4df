/** Everything that moves legacy accounts, on one database and without HTTP. */
import { randomBytes, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { type CitizenKeys, createCitizenKeys } from '../../src/citizen-id.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { type SignIn, createSignIn } from '../../src/login/sign-in.ts'
import { type Acts, createActs } from '../../src/mapping/decisions.ts'
import { createImport } from '../../src/imports/import.ts'
import { type ImportSummary, createImportRun } from '../../src/imports/run.ts'
import { createCurrentLinks } from '../../src/mapping/links.ts'
import { type Proposals, createProposals } from '../../src/mapping/proposals.ts'
import { createLegacyRecords, type LegacyRecords } from '../../src/mapping/record.ts'
import { createRekey } from '../../src/mapping/rekey.ts'
import { type Vouching, createVouching } from '../../src/mapping/vouching.ts'
import type { ClientPolicy } from '../../src/registry/clients.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import type { Database } from '../../src/store/db.ts'
import { recordPersons } from './record.ts'

export interface Mapping extends Acts, Proposals {
  readonly citizenKeys: CitizenKeys
  readonly records: LegacyRecords
  readonly signIn: SignIn
  readonly vouching: Vouching
  /** Rows as a portal's file would hold them, by the columns' English names. */
  importRows(clientId: string, ...rows: Readonly<Record<string, string>>[]): Promise<ImportSummary>
}

interface Keys {
  readonly index: readonly Buffer[]
  readonly seal: readonly Buffer[]
  readonly pairwise: Buffer
}
const newKeys = (): Keys => ({
  index: [randomBytes(32)],
  seal: [randomBytes(32)],
  pairwise: randomBytes(32),
})

/** @param policy of every portal alike */
export function createMapping({
  db,
  keys = newKeys(),
  policy = { unattested_match: false, lock: {} },
}: {
  db: Database
  keys?: Keys
  policy?: ClientPolicy['mapping']
}): Mapping {
  const log = createLog({ level: 'silent' })
  const citizenKeys = createCitizenKeys({ indexKeys: keys.index, seal: createSeal(keys.seal, 'identifier') })
  const records = createLegacyRecords({ citizenKeys, keys })
  const mappingPolicyOf = () => policy
  const portalsOf = (id: string) => [id]
  const links = createCurrentLinks({ db, records, portalsOf })
  const importLegacy = createImport({ db, run: createImportRun({ db, records }), log })
  return {
    citizenKeys,
    records,
    signIn: createSignIn({ db, citizenKeys, records, links, portalsOf, mappingPolicyOf, log }),
    vouching: createVouching({ db, citizenKeys, records, portalsOf, mappingPolicyOf, log }),
    ...createActs({ db, log }),
    ...createProposals({ db, log, records, rekey: createRekey({ citizenKeys }) }),
    importRows: (clientId, ...rows) => {
      recordPersons(rows)
      return importLegacy({
        id: randomUUID(),
        clientId,
        dryRun: false,
        actor: 'test',
        reference: 'test',
        source: Readable.from(rows.map((row) => Buffer.from(`${JSON.stringify(row)}\n`))),
      })
    },
  }
}
