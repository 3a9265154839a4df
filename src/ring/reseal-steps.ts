/** The steps of a re-sealing run: one per table, with how a batch of its rows is read, rewritten and written. */
import type { CitizenKeys } from '../citizen-id.ts'
import type { LegacyRecords } from '../mapping/record.ts'
import { type Seal, createSeal } from '../crypto/seal.ts'
import type { Session } from '../store/db.ts'
import {
  type SealedRow,
  type Which,
  readAccounts,
  readIdentifiers,
  readSealed,
  writeAccounts,
  writeIdentifiers,
  writeSealed,
} from '../store/reseal.ts'
import { numberedTables, sealedTables } from '../store/ring.ts'
import { rewriteAccount, rewriteIdentifier } from './rewrite.ts'
import { type Ring, keyIds } from './ring.ts'

/** How the batches of one table are read and written. */
export interface Step {
  readonly table: string
  read(session: Session, which: Which): Promise<readonly { readonly id: string }[]>
  write(tx: Session, rows: readonly { readonly id: string }[], wait: boolean): Promise<Written>
}
interface Written {
  readonly changed: number
  /** Ids of rows that another transaction has locked or changed. */
  readonly left: readonly string[]
  /** Ids of rows that cannot be decrypted. */
  readonly unreadable: readonly string[]
}

/** The steps in the order in which they run. */
export const resealSteps = ({
  ring,
  citizenKeys,
  records,
}: {
  ring: Ring
  citizenKeys: CitizenKeys
  records: LegacyRecords
}): readonly Step[] => [
  ...sealedTables.map((table) => smallStep(table, createSeal(ring.seal, table.purpose), ring)),
  identifierStep(citizenKeys, keyIds(ring, numberedTables[0].purpose)[0]!),
  accountStep(records, keyIds(ring, numberedTables[1].purpose)[0]!),
]

function smallStep(table: (typeof sealedTables)[number], seal: Seal, ring: Ring): Step {
  const [keyId] = keyIds(ring, table.purpose)
  return stepOf({
    table: table.name,
    read: (session, which) => readSealed(session, table, keyId!, which),
    rewrite: ({ id, sealed, context }) => ({
      id,
      was: sealed,
      sealed: seal.seal(seal.open(sealed, context), context),
    }),
    write: (tx, changes, wait) => writeSealed(tx, table, changes, wait),
  })
}

const identifierStep = (citizenKeys: CitizenKeys, keyId: Buffer): Step =>
  stepOf({
    table: 'identifier',
    read: readIdentifiers,
    rewrite: (row) => rewriteIdentifier(row, citizenKeys, keyId),
    write: writeIdentifiers,
  })

const accountStep = (records: LegacyRecords, keyId: Buffer): Step =>
  stepOf({
    table: 'legacy_account',
    read: readAccounts,
    rewrite: (row) => rewriteAccount(row, records, keyId),
    write: writeAccounts,
  })

function stepOf<Row extends SealedRow, Change extends SealedRow>({
  rewrite,
  write,
  ...step
}: {
  readonly table: string
  read(session: Session, which: Which): Promise<readonly Row[]>
  /** @returns undefined when there is nothing to change @throws when the row cannot be decrypted */
  rewrite(row: Row): Change | undefined
  write(tx: Session, changes: readonly Change[], wait: boolean): Promise<readonly string[]>
}): Step {
  return {
    ...step,
    async write(tx, rows, wait) {
      const changes: Change[] = []
      const unreadable: string[] = []
      for (const row of rows as readonly Row[]) {
        try {
          const change = rewrite(row)
          if (change !== undefined) changes.push(change)
        } catch {
          unreadable.push(row.id)
        }
      }
      const done = new Set(changes.length === 0 ? [] : await write(tx, changes, wait))
      const left = changes.filter(({ id }) => !done.has(id)).map(({ id }) => id)
      return { changed: done.size, left, unreadable }
    },
  }
}
