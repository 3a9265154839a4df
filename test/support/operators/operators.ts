/** Made-up numbers of operators. */
import { randomInt } from 'node:crypto'
import type { Role } from '../../../src/vocabulary.ts'
import type { Db } from '../../../src/store/db.ts'
import { recordPersons } from '../record.ts'

/** Inserts operators who are persons, for tests that act without HTTP. */
export async function knownPersons(
  db: Db,
  ids: readonly string[],
  role: Role = 'mapping_officer',
): Promise<void> {
  await db.query(
    `insert into operator (id, kind, roles, created_by) select id, 'person', array[$2], 'local' from unnest($1::text[]) id
     on conflict do nothing`,
    [ids, role],
  )
}

let next = randomInt(1_000_000)

/** A new number at every call. */
export function newNumber(): string {
  const number = `001190${String(next++ % 1_000_000).padStart(6, '0')}`
  recordPersons([{ citizen_id: number }])
  return number
}
