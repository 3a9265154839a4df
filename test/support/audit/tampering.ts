/** Random changes that a person with write access could make to the audit by hand, each with the expected faults. */
import { hashedColumns } from '../../../src/proof/leaf.ts'
import type { Db } from '../../../src/store/db.ts'
import { seed } from '../random-search.ts'

let state = seed
/** mulberry32: the same tamperings in every run of the suite. */
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
}
const pick = <T>(from: readonly T[]): T => from[random(from.length)]!

/** SQL that changes a column of a row to another value. */
const alterations: Readonly<Record<Exclude<(typeof hashedColumns)[number], 'id'>, readonly string[]>> = {
  at: [`at + interval '1 microsecond'`, `at - interval '40 days'`, `'infinity'`],
  class: [`case class when 'key' then 'login' else 'key' end`, `'no class of ours'`],
  event: [`event || '.'`, `'login.refused'`],
  client_id: [`coalesce(client_id, '') || 'x'`, `case when client_id is null then '' end`],
  subject_id: ['gen_random_uuid()', `case when subject_id is null then gen_random_uuid() end`],
  actor: [`upper(actor)`, `normalize(actor, NFD)`],
  reference: [`coalesce(reference, '') || 'x'`, `case when reference is null then '' end`],
  salt: ['gen_random_uuid()'],
  detail: [
    `detail || '{"sso": null}'`,
    `detail - 'list'`,
    `jsonb_set(detail, '{auth_time}', '1.0')`,
    `jsonb_set(detail, '{list,0}', '"á"')`,
    `jsonb_set(detail, '{auth_time}', to_jsonb((detail->>'auth_time')::numeric + 0.00))`,
  ],
}
const allButId = hashedColumns.filter((column) => column !== 'id')

interface Tampering {
  readonly name: string
  /** Kind and id of each fault that the verification must report, and no other. */
  readonly told: readonly string[]
  do(tx: Db): Promise<unknown>
}

/**
 * @param turn decides the kind of tampering, and which column an alteration changes
 * @param ids covered rows
 * @param free numbers between them that no row has
 */
export function tampering(turn: number, ids: readonly string[], free: readonly string[]): Tampering {
  const kind = turn % 4
  const id = pick(ids)
  const other = pick(ids.filter((one) => one !== id))
  const gap = pick(free)
  const run = (sql: string, ...values: string[]) => ({ do: (tx: Db) => tx.query(sql, values) })
  const both = (what: string) => [`${what} ${id}`, `${what} ${other}`].toSorted()
  if (kind === 0) {
    const columns = Object.keys(alterations) as (keyof typeof alterations)[]
    const column = columns[Math.floor(turn / 4) % columns.length]!
    const to = pick(alterations[column])
    const sql = `update audit_event set ${column} = ${to} where id = $1`
    return { name: `${column} of ${id} becomes ${to}`, told: [`row altered ${id}`], ...run(sql, id) }
  }
  if (kind === 1)
    return {
      name: `${id} is deleted`,
      told: [`row removed ${id}`],
      ...run('delete from audit_event where id = $1', id),
    }
  if (kind === 2) {
    const swapped = random(2) === 0 ? allButId : allButId.filter((column) => column !== 'salt')
    const columns = swapped.join(', ')
    const [a, b] = [
      `select ${columns} from audit_event where id = `,
      `update audit_event set (${columns}) = `,
    ]
    const isMove = swapped === allButId
    return random(3) > 0
      ? {
          name: `${id} and ${other} change places`,
          told: both('row moved'),
          ...run(
            'update audit_event set id = case id when $1 then $2::bigint else $1 end where id in ($1, $2)',
            id,
            other,
          ),
        }
      : {
          name: `${id} and ${other} change contents${isMove ? '' : ' but for their salts'}`,
          told: both(isMove ? 'row moved' : 'row altered'),
          async do(tx) {
            await tx.script(
              `create temp table was on commit drop as select * from audit_event where id in (${id}, ${other})`,
            )
            await tx.script(`${b}(${a.replace('audit_event', 'was')}${other}) where id = ${id}`)
            await tx.script(`${b}(${a.replace('audit_event', 'was')}${id}) where id = ${other}`)
          },
        }
  }
  const copy = `insert into audit_event (id, ${allButId.join(', ')}) select $2, ${allButId.join(', ')} from audit_event where id = $1`
  const forged = `insert into audit_event (id, class, event, actor) values ($1, 'login', 'login.completed', 'citizen')`
  return pick<() => Tampering>([
    () => ({
      name: `a forged row takes the free number ${gap}`,
      told: [`row inserted ${gap}`],
      ...run(forged, gap),
    }),
    () => ({
      name: `a forged row takes the number of ${id}`,
      told: [`row inserted ${id}`],
      ...run(forged, id),
    }),
    () => ({ name: `${id} stands there twice`, told: [`row inserted ${id}`], ...run(copy, id, id) }),
    () => ({
      name: `a copy of ${id} takes the free number ${gap}`,
      told: [`row inserted ${gap}`],
      ...run(copy, id, gap),
    }),
    () => ({
      name: `${id} moves to the free number ${gap}`,
      told: [`row moved ${gap}`],
      ...run('update audit_event set id = $2 where id = $1', id, gap),
    }),
    () => ({ name: 'a forged row stands before all others', told: ['row inserted 0'], ...run(forged, '0') }),
  ])()
}
