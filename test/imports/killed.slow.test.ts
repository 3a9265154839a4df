/** Processes that are killed during an import, and during citizens' logins. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { BrokerError } from '../../src/errors.ts'
import { openDatabase } from '../../src/store/db.ts'
import { migrate } from '../../src/store/migrate.ts'
import { atEnd } from '../support/at-end.ts'
import {
  type Imports,
  type Row,
  attested,
  csv,
  importsOn,
  numberOf,
  testKeys,
} from '../support/imports/imports.ts'
import { checkMapping, noFaults } from '../support/mapping/check.ts'
import { indexForViolations } from '../support/mapping/invariants.ts'
import { freshDatabase } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined
const start = (file: URL, ...values: string[]) => {
  const child = fork(file, values)
  atEnd(() => void child.kill('SIGKILL'))
  return { child, ended: once(child, 'exit') }
}

const known = 900
const all = 1_800
/** Rows of every kind, repeated; the first rows include linked, exempt and cancelled accounts. */
function before(index: number): Row {
  const row = { account_id: `a${index}`, citizen_id: numberOf(index), ...attested }
  if (index % 9 === 4) return { account_id: row.account_id }
  if (index % 50 === 7) return { ...row, kind: 'staff' }
  return row
}
function after(index: number): Row {
  const row = { ...before(index), province: '01' }
  if (index >= known) {
    if (index % 40 === 1) return { ...row, citizen_id: numberOf(index - known / 2) }
    if (index % 40 === 2) return { account_id: `a${index - 3}` }
    if (index % 40 === 3) return { ...row, birth_date: 'never' }
    return row
  }
  const kinds: readonly ((one: Row) => Row)[] = [
    () => before(index),
    (one) => one,
    (one) => ({ ...one, citizen_id: numberOf(500_000 + index) }),
    () => ({ account_id: `a${index}` }),
    () => ({ ...before(index), citizen_id: numberOf(index), ...attested }),
    (one) => ({ ...one, citizen_id: numberOf(index + 3) }),
    () => before(index),
    (one) => ({ ...one, kind: index % 2 === 0 ? 'staff' : 'citizen' }),
    (one) => ({ ...one, citizen_id: '', cmnd: '012345678' }),
  ]
  return kinds[index % kinds.length]!(row)
}

describe.skipIf(isMissing)('a process that is killed on PostgreSQL', () => {
  let folder: string
  let file: string
  let clientId: string
  let template: string
  let server: pg.Client
  const urlOf = (database: string) =>
    Object.assign(new URL(inject('databaseUrl')!), { pathname: `/${database}` }).href
  let copies = 0
  /** Creates a database with the same accounts, links and cases, for one more import. */
  async function openCopy() {
    const name = `${template}_${++copies}`
    await server.query(`create database ${name} template ${template}`)
    const db = await openDatabase({ url: urlOf(name) })
    return {
      url: urlOf(name),
      db,
      on: importsOn(db, testKeys),
      async [Symbol.asyncDispose]() {
        await db.close()
        await server.query(`drop database ${name} with (force)`)
      },
    }
  }
  /** Retries until PostgreSQL has noticed that the killed process is gone. */
  async function importAgain(on: Pick<Imports, 'importFile'>): ReturnType<Imports['importFile']> {
    try {
      return await on.importFile(clientId, createReadStream(file) as AsyncIterable<Buffer>)
    } catch (error) {
      if (!(error instanceof BrokerError && error.code === 'state_conflict')) throw error
      await sleep(100)
      return importAgain(on)
    }
  }
  async function standing({ on, db }: Awaited<ReturnType<typeof openCopy>>) {
    const accounts = Object.entries(await on.accounts(clientId)).map(([accountId, account]) =>
      JSON.stringify({ ...account, accountId, id: undefined }),
    )
    const questions = await on.cases(clientId)
    expect(questions.filter(({ audits }) => audits !== 1).slice(0, 3)).toEqual([])
    const cases = questions.map((question) => JSON.stringify({ ...question, id: undefined }))
    expect(await checkMapping(db)).toEqual(noFaults)
    return { accounts: accounts.toSorted(), cases: cases.toSorted() }
  }

  beforeAll(async () => {
    if (isMissing) return
    folder = mkdtempSync(join(tmpdir(), 'import-killed-'))
    atEnd(() => rmSync(folder, { recursive: true }))
    file = join(folder, 'accounts.csv')
    server = new pg.Client({ connectionString: inject('databaseUrl')! })
    await server.connect()
    atEnd(() => server.end())
    const url = await freshDatabase()
    template = new URL(url).pathname.slice(1)
    const db = await openDatabase({ url })
    await migrate(db)
    await indexForViolations(db)
    const base = importsOn(db, testKeys)
    clientId = await base.portal()
    const indices = Array.from({ length: all }, (_, index) => index)
    writeFileSync(file, csv(indices.map(after)))
    // These accounts are not in the file, but share a number with one that is.
    const absent = indices
      .filter((index) => index >= known && index % 3 === 0)
      .map((index) => ({ account_id: `absent${index}`, citizen_id: numberOf(index), ...attested }))
    await base.importRows(clientId, [...indices.slice(0, known).map(before), ...absent])
    for (const person of indices.slice(0, 45)) await base.login(clientId, person)
    for (const person of [200, 201, 202, known + 10])
      await base.cancelNumberOf(await base.login(await base.portal(), person))
    await db.close()
  }, 60_000)

  test('during an import leaves a state from which the same file, imported again, gives the normal result', async () => {
    await using undisturbed = await openCopy()
    const { summary } = await importAgain(undisturbed.on)
    for (const count of Object.values(summary.results)) expect(count).toBeGreaterThan(40)
    const expected = await standing(undisturbed)
    expect(expected.accounts.length).toBeGreaterThan(2_000)
    expect(new Set(expected.cases.map((one) => /"reason":"(\w+)"/.exec(one)?.[1]))).toEqual(
      new Set(['number_changed', 'kind_changed', 'number_cancelled']),
    )

    // Every phase: at the start of a step, or some milliseconds into it.
    const moments = [
      { state: 'reading', steps: 1, delay: 0 },
      { state: 'reading', steps: 5, delay: 5 },
      { state: 'comparing', steps: 1, delay: 0 },
      { state: 'comparing', steps: 1, delay: 15 },
      { state: 'applying', steps: 2, delay: 0 },
      { state: 'applying', steps: 9, delay: 4 },
      // The last step: after it, shared numbers are marked and the report is written.
      { state: 'applying', steps: 18, delay: 8 },
    ]
    for (const { state, steps, delay } of moments) {
      await using copy = await openCopy()
      const { ended } = start(
        new URL('../support/imports/import-process.ts', import.meta.url),
        copy.url,
        clientId,
        file,
        state,
        String(steps),
        String(delay),
      )
      const [, signal] = (await ended) as [number | null, string | null]
      const what = `${state} ${steps} + ${delay} ms`
      expect({ what, signal }).toEqual({ what, signal: 'SIGKILL' })
      const [left] = await copy.db.query<{ accounts: number; cases: number }>(
        `select (select count(*)::int from legacy_account) as accounts, (select count(*)::int from review_case) as cases`,
      )
      const { summary: again } = await importAgain(copy.on)
      console.log(`${what}: ${signal}, ${JSON.stringify(left)}, then ${JSON.stringify(again.results)}`)
      const found = await standing(copy)
      expect({ what, accounts: found.accounts.length, cases: found.cases.length }).toEqual({
        what,
        accounts: expected.accounts.length,
        cases: expected.cases.length,
      })
      const differing = (of: 'accounts' | 'cases') =>
        found[of]
          .flatMap((one, index) => (one === expected[of][index] ? [] : [[one, expected[of][index]]]))
          .slice(0, 3)
      expect([what, ...differing('accounts'), ...differing('cases')]).toEqual([what])
    }
  }, 120_000)

  test('while citizens sign in leaves no link without its audit row, and no audit row without its link', async () => {
    await using copy = await openCopy()
    const { url, db, on } = copy
    const [first, people] = [20_000, 2_000]
    const portal = await on.portal()
    await on.importRows(
      portal,
      Array.from({ length: people }, (_, index) => ({
        account_id: `a${index}`,
        citizen_id: numberOf(first + index),
        ...attested,
      })),
    )
    let made = 0
    const isAtLinks = async (count: number) => {
      const [row] = await db.query<{ links: number }>(
        'select count(*)::int as links from account_link where client_id = $1',
        [portal],
      )
      return row!.links === count
    }
    for (let turn = 0; turn < 5; turn++) {
      const { child, ended } = start(
        new URL('../support/login/login-process.ts', import.meta.url),
        url,
        portal,
        String(first + made),
        String(first + people),
      )
      while (await isAtLinks(made)) await sleep(5)
      await sleep(turn * 25)
      child.kill('SIGKILL')
      expect(await ended).toEqual([null, 'SIGKILL'])
      const [found] = await db.query<{ links: number; faults: number; last: number }>(
        `with l as (select l.id::text, l.account_id, a.state from account_link l
             join legacy_account a on a.id = l.account_id where l.client_id = $1 and l.unlinked_at is null),
           e as (select detail->>'link' as id, (detail->>'account')::bigint as account_id from audit_event
             where event = 'link.created' and client_id = $1)
         select (select count(*)::int from l) as links,
           (select count(*)::int from l full join e using (id, account_id) where l.id is null or e.id is null)
             + (select count(*) - count(distinct id) from e)::int
             + (select count(*)::int from l where state <> 'linked')
             + (select count(*)::int from legacy_account a where client_id = $1 and state = 'linked'
                 and not exists (select from l where l.account_id = a.id)) as faults`,
        [portal],
      )
      console.log(`${found!.links} links after ${turn + 1} deaths`)
      expect(found).toMatchObject({ faults: 0 })
      made = found!.links
    }
    expect(await checkMapping(db)).toEqual(noFaults)
  }, 120_000)
})
