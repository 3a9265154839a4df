/** The shared lists of words equal the check constraints of the database. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type Database, openDatabase } from '../../src/store/db.ts'
import { clientStates } from '../../src/store/clients.ts'
import { migrate } from '../../src/store/migrate.ts'
import {
  accountCreators,
  accountStates,
  admissibleKinds,
  linkMethods,
  operatorKinds,
  populations,
} from '../../src/vocabulary.ts'
import { freshDatabase } from '../support/world.ts'

let db: Database

beforeAll(async () => {
  db = await openDatabase({
    url: inject('databaseUrl') === undefined ? 'embedded:memory' : await freshDatabase(),
  })
  await migrate(db)
})
afterAll(() => db.close())

/** The words that the column's own check constraint lists. */
async function allowed(table: string, column: string): Promise<string[]> {
  const found = await db.query<{ definition: string }>(
    `select pg_get_constraintdef(c.oid) as definition from pg_constraint c
     join pg_attribute a on a.attrelid = c.conrelid and c.conkey = array[a.attnum]
     where c.contype = 'c' and c.conrelid = $1::regclass and a.attname = $2`,
    [table, column],
  )
  return found.flatMap(({ definition }) =>
    [...definition.matchAll(/'([^']+)'::text/g)].map(([, word]) => word!),
  )
}

for (const [table, column, words] of [
  ['subject', 'kind', admissibleKinds.filter((kind) => kind !== 'representative')],
  ['legacy_account', 'kind', populations],
  ['legacy_account', 'state', accountStates],
  ['legacy_account', 'created_by', accountCreators],
  ['account_link', 'method', linkMethods],
  ['operator', 'kind', operatorKinds],
  ['client', 'state', clientStates],
] as const)
  test(`${table}.${column} may hold exactly the words of the shared list`, async () => {
    expect((await allowed(table, column)).toSorted()).toEqual(words.toSorted())
  })
