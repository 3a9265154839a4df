import type { Session } from '../db.ts'
import type { Writer } from './batches.ts'

/**
 * Finds duplicates and shared numbers in the whole file, and marks new accounts that share a number.
 * @returns number of rows to be judged
 */
export async function compareRows(tx: Session, { clientId, bits }: Writer): Promise<number> {
  for (const text of [
    'create index on import_pending (line)',
    'analyze import_pending',
    'analyze import_result',
    `create temp table import_duplicate as
       select line from (
         select line, row_number() over (partition by account_key order by line) as nth
         from (select line, account_key from import_pending
               union all
               select line, account_key from import_result
               where result = 'accepted' and account_key in (select account_key from import_pending)) named) numbered
       where nth > 1`,
    'create unique index on import_duplicate (line)',
    // After a key rotation an account may be hashed under an older key than the file's rows, for the same number.
    `create temp table import_older_key as
       select distinct older, newest
       from (select identifier_keys[1] as newest, identifier_keys[2:] as others from import_pending
             union all
             select identifier_keys[1], identifier_keys[2:] from import_result where result = 'accepted') named,
         unnest(others) older`,
    'create temp table import_several (key bytea primary key)',
    'analyze import_duplicate',
    'analyze import_older_key',
  ]) {
    await tx.query(text)
  }
  await tx.query(
    // The numbers after the import: no row removes a number, but some add one to an account without.
    `insert into import_several
     select key from (
       select coalesce(o.newest, a.identifier_key) as key
       from legacy_account a left join import_older_key o on o.older = a.identifier_key
       where a.client_id = $1 and a.identifier_key is not null
       union all
       select p.identifier_keys[1]
       from import_pending p join legacy_account a on a.client_id = $1 and a.account_key = p.account_key
       where p.identifier_keys is not null and a.identifier_key is null
         and not exists (select from import_duplicate d where d.line = p.line)) bearing
     group by key having count(*) > 1`,
    [clientId],
  )
  await tx.query('analyze import_several')
  await tx.query(
    `with shared as (
       update import_result r set classes = r.classes | $2::int from import_several s
       where r.result = 'accepted' and s.key = r.identifier_keys[1] returning r.account_key)
     update legacy_account a set classes = a.classes | $2::int from shared
     where a.client_id = $1 and a.account_key = shared.account_key`,
    [clientId, bits.several],
  )
  const [row] = await tx.query<{ waiting: number }>('select count(*)::float8 as waiting from import_pending')
  return row!.waiting
}

/**
 * Marks earlier accounts that share a number since this file. Accounts in the file are already marked.
 * @returns number of accounts marked by this call
 */
export async function markShared(
  session: Session,
  { clientId, bits }: Writer,
  rows: number,
): Promise<number> {
  const marked = await session.query(
    `update legacy_account a set classes = a.classes | $2::int
     where a.id = any(array(
       select o.id from import_several s join legacy_account o on o.identifier_key = s.key
       where o.client_id = $1 and o.classes & $2::int = 0 order by o.id limit ${rows} for update of o))
     returning 1`,
    [clientId, bits.several],
  )
  return marked.length
}
