/**
 * Millions of made-up legacy accounts, made by PostgreSQL itself. Of random bytes in the sizes of real ones: the
 * rules see them never, the indexes all. Three in four at the measured portal, one in nine linked, one in eighty
 * with a case. The importable accounts that are there already end up among them, anywhere.
 */
import pg from 'pg'
import { classMask } from '../../src/mapping/classes.ts'

/** Filled with all of their indexes set aside, which are built afterwards, at once. */
const filled = ['legacy_account', 'subject', 'identifier', 'identifier_key', 'account_link', 'review_case']
const otherPortals = 9

export async function loadAccounts(databaseUrl: string, size: number, portal: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(`set maintenance_work_mem = '1GB'`)
    // Neither triggers nor foreign keys: what the triggers count is counted at the end.
    await client.query('set session_replication_role = replica')
    await client.query('begin')
    await client.query(
      `insert into client (id, state, metadata)
       select 'portal-' || n, state, metadata || jsonb_build_object('client_id', 'portal-' || n)
       from client, generate_series(1, ${otherPortals}) n where id = $1`,
      [portal],
    )
    await client.query('create temp table own as select *, random() as place from legacy_account')
    await client.query('create index on own (place)')
    await client.query('truncate legacy_account cascade')
    await client.query(
      `update pg_index set indisready = false, indisvalid = false where indrelid = any($1::regclass[])`,
      [`{${filled.join(',')}}`],
    )
    await fill(client, size, portal)
    for (const text of linksAndCases) await client.query(text)
    await client.query('commit')
    for (const table of filled) await client.query(`reindex table ${table}`)
    for (const text of counts) await client.query(text)
    await client.query('vacuum (freeze, analyze)')
    await client.query('checkpoint')
  } finally {
    await client.end()
  }
}

async function fill(client: pg.Client, size: number, portal: string): Promise<void> {
  const { rows: own } = await client.query<{ n: number }>('select count(*)::int as n from own')
  const bulk = Math.max(0, size - (own[0]?.n ?? 0))
  const { rows: columns } = await client.query<{ names: string }>(
    `select string_agg(column_name, ', ') as names from information_schema.columns
     where table_name = 'legacy_account' and column_name <> 'id'`,
  )
  const names = columns[0]?.names
  const chunks = Math.min(1_000, Math.ceil(size / 100))
  for (let chunk = 0; chunk < chunks; chunk++) {
    const [from, to] = [chunk, chunk + 1].map((n) => Math.floor((bulk * n) / chunks))
    await client.query({ name: 'bulk', text: bulkAccounts, values: [from! + 1, to, portal] })
    const text = `insert into legacy_account (${names}) select ${names} from own where place >= $1 and place < $2`
    await client.query({ name: 'own', text, values: [chunk / chunks, (chunk + 1) / chunks] })
  }
}

const notAttested = classMask(['not_attested'])
const cmndOnly = classMask(['cmnd_only'])
const missing = classMask(['missing_number'])

/** One number in ten belongs to two accounts; those that are linked have one each. */
const bulkAccounts = `
  insert into legacy_account (client_id, account_key, kind, state, identifier_type, identifier_key, hint_key,
    attested_on, last_used_on, province, classes, sealed, digest)
  select case when g % 4 > 0 then $3 else 'portal-' || 1 + dice % ${otherPortals} end,
    uuid_send(gen_random_uuid()), kind,
    case when kind = 'staff' then 'exempt' when kind = 'citizen' and attested and g % 5 = 0 then 'linked'
      when numbered and not attested and dice % 20 = 0 then 'in_review' else 'open' end,
    case when numbered then case kind when 'staff' then 'citizen_id' else kind || '_id' end end,
    case when numbered then sha256(int8send((g * 0.9)::bigint)) end,
    case when dice >= 850 and dice < 970 then sha256(int8send(-g)) end,
    case when attested then date '2024-01-01' + dice end,
    date '2023-01-01' + dice, case when dice % 2 = 0 then '' else lpad((1 + dice % 63)::text, 2, '0') end,
    case when attested then 0 when numbered then ${notAttested} when dice < 970 then ${cmndOnly} else ${missing} end,
    decode(repeat('5e', 138), 'hex') || sha256(int8send(g)), uuid_send(gen_random_uuid())
  from generate_series($1::bigint, $2::bigint) g,
    lateral (select (abs(hashint8(g)::bigint) % 1000)::int as dice, abs(hashint8(-g)::bigint) % 100 as sort) d,
    lateral (select dice < 850 as numbered, dice < 600 as attested,
      case when sort < 92 then 'citizen' when sort < 97 then 'organisation' when sort < 99 then 'foreigner'
        else 'staff' end as kind) k`

const linksAndCases = [
  `create temp table linked as
     select id, client_id, identifier_type, identifier_key, gen_random_uuid() as subject, gen_random_uuid() as number
     from legacy_account where state = 'linked'`,
  `insert into subject (id, kind) select subject, 'citizen' from linked`,
  `insert into identifier (id, subject_id, type, sealed)
     select number, subject, identifier_type, decode(repeat('5e', 44), 'hex') from linked`,
  `insert into identifier_key (type, key, identifier_id) select identifier_type, identifier_key, number from linked`,
  `insert into account_link (account_id, client_id, subject_id, method, evidence, linked_by)
     select id, client_id, subject, 'attested_number', '{"number": "equal", "attested_on": "2024-05-20"}', 'citizen'
     from linked`,
  `insert into review_case (account_id, client_id, reason, sealed, opened_by)
     select id, client_id, 'not_attested', decode(repeat('5e', 120), 'hex'), 'citizen'
     from legacy_account where state = 'in_review'`,
]

const counts = [
  'truncate mapping_change, mapping_count',
  `insert into mapping_count (client_id, province, day, kind, state, classes, n)
     select client_id, province, vietnam_date(), kind, state, classes, count(*) from legacy_account
     group by client_id, province, kind, state, classes`,
  `insert into mapping_count (client_id, province, day, kind, method, n)
     select l.client_id, a.province, vietnam_date(), a.kind, l.method, count(*)
     from account_link l join legacy_account a on a.id = l.account_id
     group by l.client_id, a.province, a.kind, l.method`,
]
