import type { Session } from '../db.ts'

export interface Counted {
  readonly result: 'accepted' | 'unchanged' | 'changed' | 'refused'
  readonly classes: number
  readonly count: number
}

/** Rows of the file by result and class mask. */
export function countResults(session: Session): Promise<Counted[]> {
  return session.query<Counted>(
    'select result, classes, count(*)::float8 as count from import_result group by result, classes',
  )
}

/** Yields the report in pages, ordered by line: `line,result,"classes","detail"` with CRLF (RFC 4180). */
export async function* reportPages(
  session: Session,
  names: ReadonlyMap<number, string>,
  rows = 20_000,
): AsyncIterable<string> {
  await session.query('create temp table import_class (classes integer primary key, names text)')
  await session.query('insert into import_class select * from unnest($1::int[], $2::text[])', [
    [...names.keys()],
    [...names.values()],
  ])
  await session.query('create index on import_result (line)')
  for (let after = 0; ;) {
    const [page] = await session.query<{ text: string | null; last: number | null }>(
      `select max(r.line)::float8 as last, string_agg(
         r.line || ',' || r.result || ',"' || c.names || '","' || coalesce(r.detail, '') || E'"\\r\\n', '' order by r.line) as text
       from (select * from import_result where line > $1::bigint order by line limit ${rows}) r
         join import_class c on c.classes = r.classes`,
      [after],
    )
    if (page?.text == null) return
    yield page.text
    after = page.last!
  }
}
