/** All operations on legacy accounts, on one database and without HTTP. */
import { randomBytes, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { type CitizenKeys, createCitizenKeys } from '../../../src/citizen-id.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { type SignIn, createSignIn } from '../../../src/login/sign-in.ts'
import { type Approvals, type Asking, createApprovals } from '../../../src/approvals/approvals.ts'
import { type Acts, createActs } from '../../../src/mapping/acts.ts'
import { createMappingKinds } from '../../../src/mapping/kinds.ts'
import { createImport } from '../../../src/imports/import.ts'
import { type ImportSummary, createImportRun } from '../../../src/imports/run.ts'
import { createCurrentLinks } from '../../../src/mapping/links.ts'
import { createLegacyRecords, type LegacyRecords } from '../../../src/mapping/record.ts'
import { type Vouching, createVouching } from '../../../src/mapping/vouching.ts'
import type { ClientPolicy } from '../../../src/registry/clients.ts'
import { createSeal } from '../../../src/crypto/seal.ts'
import type { Database } from '../../../src/store/db.ts'
import { findCase } from '../../../src/store/reviews.ts'
import { recordPersons } from '../record.ts'

export interface Mapping extends Acts, Pick<Approvals, 'approve' | 'decline'> {
  /** Asks for the approval that confirms a case. @returns the approval's id */
  confirm(caseId: string, by: Asking): Promise<string>
  /** Asks for the approval of a person's new number. @returns the approval's id */
  rekey(asked: { readonly subject: string; readonly number: string }, by: Asking): Promise<string>
  readonly citizenKeys: CitizenKeys
  readonly records: LegacyRecords
  readonly signIn: SignIn
  readonly vouching: Vouching
  /** Imports rows with the columns' English names. */
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

/** @param policy mapping policy of all portals */
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
  const { confirming, ...kinds } = createMappingKinds({ citizenKeys, records })
  const seal = createSeal(keys.seal, 'approval')
  const approvals = createApprovals({ db, log, seal, kinds: Object.values(kinds) })
  const held = (asked: object) => (asked as { approval: string }).approval
  return {
    citizenKeys,
    records,
    signIn: createSignIn({ db, citizenKeys, records, links, portalsOf, mappingPolicyOf, log }),
    vouching: createVouching({ db, citizenKeys, records, portalsOf, mappingPolicyOf, log }),
    ...createActs({ db, log }),
    approve: approvals.approve,
    decline: approvals.decline,
    async confirm(caseId, by) {
      const kind = confirming((await findCase(db, caseId))!)
      return held(await approvals.ask(kind, { case: caseId }, by))
    },
    rekey: async (asked, by) => held(await approvals.ask(kinds.rekey, asked, by)),
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
