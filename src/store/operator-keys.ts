import type { Db } from './db.ts'

/**
 * Operators are stored only with hashes of their numbers. If an operator has also signed in as a citizen, the sealed
 * number is known, and the operator gets its current hashes. Other operators get them at their next sign-in.
 */
export async function rekeyOperators(db: Db): Promise<void> {
  await db.query(
    `with known as (
       select distinct o.operator_id, k.identifier_id from operator_citizen_key o
         join identifier_key k on k.type = o.type and k.key = o.key),
     wanted as (
       select k.type, k.key, n.operator_id from known n join identifier_key k on k.identifier_id = n.identifier_id),
     gone as (
       delete from operator_citizen_key o using known n
       where o.operator_id = n.operator_id and not exists (
         select from wanted w where w.type = o.type and w.key = o.key and w.operator_id = o.operator_id))
     insert into operator_citizen_key (type, key, operator_id)
     select type, key, operator_id from wanted on conflict do nothing`,
  )
}

/** Number of enabled operators with fewer hashes than the ring has keys: they have not signed in since it grew. */
export async function countOperatorsBehind(db: Db, ringLength: number): Promise<number> {
  const [row] = await db.query<{ behind: number }>(
    `select count(*)::int as behind from (
       select o.id from operator o join operator_citizen_key c on c.operator_id = o.id
       where o.disabled_at is null group by o.id having count(*) < $1::int) operators`,
    [ringLength],
  )
  return row!.behind
}
