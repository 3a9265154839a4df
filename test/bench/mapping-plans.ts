/** The plans of a login's statements: which tables PostgreSQL would read completely. */
import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import type { Db } from '../../src/store/db.ts'
import { findLinks } from '../../src/store/links.ts'
import { findForSignIn, writeSignIn } from '../../src/store/subjects.ts'

interface Plan {
  'Node Type': string
  'Relation Name'?: string
  Plans?: Plan[]
}

/** @returns `statement: table`, each once */
export async function tablesReadWhole(databaseUrl: string, clientId: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const found = new Set<string>()
  const explained = (name: string): Db => ({
    async query<Row>(text: string, values: readonly unknown[] = []) {
      const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
        `explain (format json) ${text}`,
        [...values],
      )
      for (const table of wholeTables(rows[0]!['QUERY PLAN'][0]!.Plan)) found.add(`${name}: ${table}`)
      return [{}] as Row[]
    },
    transaction: () => Promise.reject(new Error('not asked for')),
    script: () => Promise.reject(new Error('not asked for')),
  })
  try {
    const person = {
      type: 'citizen_id' as const,
      keys: [randomBytes(32)],
      portals: [clientId, 'a-former-portal'],
      at: clientId,
    }
    await findForSignIn(explained('findForSignIn'), person.type, person.keys, person.portals)
    await findLinks(explained('findLinks'), randomUUID(), person.portals)
    await writeSignIn(explained('writeSignIn'), {
      ...person,
      subjectId: randomUUID(),
      create: { kind: 'citizen', identifierId: randomUUID(), sealed: randomBytes(44) },
      links: [{ account: '1', version: '1', method: 'attested_number', evidence: {} }],
      cases: [],
      actor: 'citizen',
      reference: 'bench',
      events: [],
    })
  } finally {
    await client.end()
  }
  return [...found]
}

function wholeTables({ 'Node Type': kind, 'Relation Name': table, Plans: below = [] }: Plan): string[] {
  const here = kind.endsWith('Seq Scan') && table !== undefined ? [table] : []
  return [...here, ...below.flatMap(wholeTables)]
}
