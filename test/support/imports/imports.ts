/** Imports files of legacy accounts without HTTP, and reads the resulting tables. */
import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'
import { createLog } from '../../../src/telemetry/log.ts'
import { classesOf } from '../../../src/mapping/classes.ts'
import { createImport } from '../../../src/imports/import.ts'
import { type ImportSummary, createImportRun, reportHeader } from '../../../src/imports/run.ts'
import type { LegacyRecords } from '../../../src/mapping/record.ts'
import { putClient } from '../../../src/store/clients.ts'
import { type Database, type Db, openDatabase } from '../../../src/store/db.ts'
import { migrate } from '../../../src/store/migrate.ts'
import { atEnd } from '../at-end.ts'
import { sizes } from './batch-sizes.ts'
import { bytesOf, inChunks } from './legacy-file.ts'
import { identityOf, occasionAt, testKeys } from '../mapping/keys.ts'
import { createMapping } from '../mapping/mapping.ts'
import { recordPersons } from '../record.ts'
import { type Engine, freshDatabase } from '../world.ts'

export { numberOf, testKeys } from '../mapping/keys.ts'
export type Keys = typeof testKeys
export type Row = Readonly<Record<string, string>>
export const attested = { attested_at: '2024-05-20' }
export const officer = { actor: 'officer-1', reason: 'because', reference: 'R' }

export const csv = (rows: readonly Row[]): string => {
  recordPersons(rows)
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cell = (text = '') => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  return [names.join(','), ...rows.map((row) => names.map((name) => cell(row[name])).join(',')), ''].join(
    '\n',
  )
}

export interface Outcome {
  readonly summary: ImportSummary
  /** The report without its header. */
  readonly text: string
  readonly rows: readonly { line: number; result: string; classes: readonly string[]; detail: string }[]
}

const reportLine = /^(\d+),(accepted|unchanged|changed|refused),"([a-z_ ]*)","([^"]*)"$/

/** @param engine the server if there is one: the promises of an import do not depend on the engine */
export async function openImports(
  engine: Engine = inject('databaseUrl') === undefined ? 'embedded' : 'server',
) {
  const db = await openDatabase({
    url: engine === 'server' ? await freshDatabase() : 'embedded:memory',
    pool: 20,
  })
  atEnd(() => db.close())
  await migrate(db)
  return { db, ...importsOn(db, testKeys) }
}

/** @param keys different keys on the same database simulate a rotation */
export function importsOn(db: Database, keys: Keys) {
  const mapping = createMapping({ db, keys })
  const { records } = mapping
  const importLegacy = createImport({
    db,
    run: createImportRun({ db, records, sizes }),
    log: createLog({ level: 'silent' }),
  })
  const importFile = async (
    clientId: string,
    source: AsyncIterable<Buffer>,
    { dryRun = false } = {},
  ): Promise<Outcome> => {
    let text = ''
    const order = { id: randomUUID(), clientId, dryRun, actor: 'officer-1', reference: 'R', source }
    const summary = await importLegacy({ ...order, onReport: (page) => void (text += page) })
    const rows = text.split('\r\n').slice(0, -1)
    return { summary, text, rows: rows.map(readReportLine) }
  }
  return {
    mapping,
    importFile,
    importText: (clientId: string, text: string, options: { dryRun?: boolean } = {}) =>
      importFile(clientId, inChunks(bytesOf(text), 65_536), options),
    importRows: (clientId: string, rows: readonly Row[], options: { dryRun?: boolean } = {}) =>
      importFile(clientId, inChunks(bytesOf(csv(rows)), 65_536), options),
    async portal(): Promise<string> {
      const clientId = `portal-${randomUUID().slice(0, 8)}`
      await putClient(db, { id: clientId, metadata: {} })
      return clientId
    },
    /** Signs a citizen in, which links the accounts that the rules allow. @returns the subject's id */
    async login(clientId: string, person: number): Promise<string> {
      const { subjectId } = await mapping.signIn(identityOf(person), occasionAt(clientId))
      return subjectId
    },
    cancelNumberOf: (subjectId: string) =>
      db.query('update identifier set valid_to = now() where subject_id = $1', [subjectId]),
    accounts: (clientId: string) => accountsOf(db, records, clientId),
    cases: (clientId: string) => casesOf(db, records, clientId),
  }
}
export type Imports = Awaited<ReturnType<typeof openImports>>

function readReportLine(text: string): Outcome['rows'][number] {
  const [, line, result, classes, detail] = reportLine.exec(text) ?? []
  if (line === undefined) throw new Error(`not a report line (${reportHeader}): ${text}`)
  return {
    line: Number(line),
    result: result!,
    classes: classes!.split(' ').filter(Boolean),
    detail: detail!,
  }
}

/** Accounts by the portal's ids, without values that differ between runs: ids, times, nonces. */
async function accountsOf(db: Db, records: LegacyRecords, clientId: string) {
  const rows = await db.query<{
    account_key: Buffer
    sealed: Buffer
    classes: number
    state: string
    kind: string
    id: string
    province: string
    attested_on: string | null
    identifier_key: string | null
  }>(
    `select id::text, account_key, kind, state, identifier_type, encode(identifier_key, 'hex') as identifier_key,
       encode(hint_key, 'hex') as hint_key, attested_on::text, created_by, last_used_on::text, province, classes,
       encode(digest, 'hex') as digest, sealed
     from legacy_account where client_id = $1 order by account_key`,
    [clientId],
  )
  return Object.fromEntries(
    rows.map(({ account_key: accountKey, sealed, classes, ...columns }) => {
      const { identifier, accountId, ...record } = records.open(accountKey, sealed)
      return [accountId, { ...columns, classes: classesOf(classes), ...record, number: identifier?.reveal() }]
    }),
  )
}

/** Cases with the opened row, or person, that each is about. */
async function casesOf(db: Db, records: LegacyRecords, clientId: string) {
  const rows = await db.query<{
    id: string
    reason: string
    subject: string | null
    outcome: string | null
    opened_by: string
    reference: string | null
    account_key: Buffer
    account: Buffer
    sealed: Buffer | null
    audits: number
  }>(
    `select c.id, c.reason, c.subject_id as subject, c.outcome, c.opened_by, c.reference, a.account_key,
       a.sealed as account, c.sealed,
       (select count(*)::int from audit_event e where e.event = 'review.opened' and e.detail->>'case' = c.id::text
         and e.detail->>'account' = a.id::text and e.detail->>'reason' = c.reason) as audits
     from review_case c join legacy_account a on a.id = c.account_id
     where c.client_id = $1 order by a.account_key, c.reason, c.opened_at`,
    [clientId],
  )
  return rows.map(({ account_key: accountKey, account, sealed, id, ...row }) => {
    const other = sealed && records.open(accountKey, sealed)
    return {
      id,
      accountId: records.open(accountKey, account).accountId,
      ...row,
      other: other && { accountId: other.accountId, name: other.name, number: other.identifier?.reveal() },
    }
  })
}

/** All stored rows, except the import runs and the audit's checkpoints, which depend on the time. */
export async function snapshot(db: Db): Promise<string[]> {
  const tables = await db.query<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = 'public' and table_type = 'BASE TABLE' and table_name !~ '^(legacy_import$|audit_(checkpoint|key))'
     order by 1`,
  )
  const lines: string[] = []
  for (const { name } of tables) {
    const where = name === 'audit_event' ? `where event not in ('import.begun', 'import.ended')` : ''
    const rows = await db.query<{ row: string }>(`select t::text as row from ${name} t ${where} order by 1`)
    lines.push(...rows.map(({ row }) => `${name} ${row}`))
  }
  return lines
}
