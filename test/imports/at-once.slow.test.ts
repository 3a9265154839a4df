/** Imports that run at the same time as other imports and as sign-ins of citizens, on a database server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { bytesOf } from '../support/imports/legacy-file.ts'
import { findViolations } from '../support/mapping/invariants.ts'
import { type Imports, type Row, attested, csv, numberOf, openImports } from '../support/imports/imports.ts'

const isMissing = inject('databaseUrl') === undefined

describe.skipIf(isMissing)('on PostgreSQL', () => {
  let on: Imports
  beforeAll(async () => {
    if (!isMissing) on = await openImports('server')
  })
  /** A file whose last part arrives only after `release`. */
  function held(rows: readonly Row[]) {
    const { promise, resolve: release } = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    async function* pieces() {
      yield bytesOf(csv(rows))
      begun.resolve()
      await promise
    }
    return { pieces: pieces(), release, begun: begun.promise }
  }
  const rowsOf = (count: number, more: Row = {}): Row[] =>
    Array.from({ length: count }, (_, index) => ({
      account_id: `a${index}`,
      citizen_id: numberOf(index),
      ...more,
    }))

  test('a portal imports one file at a time: the second is refused, and the first is not disturbed', async () => {
    const portal = await on.portal()
    const first = held(rowsOf(10))
    const running = on.importFile(portal, first.pieces)
    await first.begun
    await sleep(50)
    for (const dryRun of [false, true])
      await expect(on.importRows(portal, rowsOf(5), { dryRun })).rejects.toMatchObject({
        code: 'state_conflict',
        detail: 'another import of this portal is running',
      })
    expect(await on.accounts(portal)).toEqual({})
    first.release()
    expect((await running).summary.results).toMatchObject({ accepted: 10 })
    expect((await on.importRows(portal, rowsOf(12))).summary.results).toMatchObject({
      unchanged: 10,
      accepted: 2,
    })
    const runs = await on.db.query<{ state: string; fault: string | null }>(
      'select state, fault from legacy_import where client_id = $1 order by begun_at',
      [portal],
    )
    expect(runs.map(({ state }) => state)).toEqual(['done', 'failed', 'failed', 'done'])
  })

  test('two portals import at once, with the same people in both files', async () => {
    const portals = [await on.portal(), await on.portal()]
    const files = portals.map(() => held(rowsOf(1_000, attested)))
    const running = portals.map((portal, index) => on.importFile(portal, files[index]!.pieces))
    await Promise.all(files.map(({ begun }) => begun))
    for (const { release } of files) release()
    for (const { summary } of await Promise.all(running))
      expect(summary.results).toMatchObject({ accepted: 1_000 })
    const again = await Promise.all(portals.map((portal) => on.importRows(portal, rowsOf(1_000))))
    for (const { summary } of again) expect(summary.results).toMatchObject({ changed: 1_000 })
    expect(await findViolations(on.db, portals)).toEqual([])
  }, 60_000)

  test('citizens who sign in during an import of their portal keep their links and the data of the file', async () => {
    const portal = await on.portal()
    const people = Array.from({ length: 60 }, (_, index) => index * 16)
    await on.importRows(portal, rowsOf(1_000, attested))
    const done = new AbortController()
    const logins = async () => {
      let count = 0
      for (; !done.signal.aborted; count++) await on.login(portal, people[count % people.length]!)
      return count
    }
    const [, ...counts] = await Promise.all([
      (async () => {
        // Each file moves every account to another province; the last also brings new accounts.
        for (const province of ['01', '48', '79'])
          await on.importRows(portal, rowsOf(province === '79' ? 1_200 : 1_000, { ...attested, province }))
        done.abort()
      })(),
      ...[1, 2, 3].map(logins),
    ])
    expect(Math.min(...counts)).toBeGreaterThan(0)
    for (const person of people) await on.login(portal, person)
    const accounts = Object.entries(await on.accounts(portal))
    expect(accounts).toHaveLength(1_200)
    expect(accounts.filter(([, { province }]) => province !== '79')).toEqual([])
    const linked = accounts.filter(([, { state }]) => state === 'linked').map(([id]) => id)
    expect(linked.toSorted()).toEqual(people.map((person) => `a${person}`).toSorted())
    expect(await on.cases(portal)).toEqual([])
    expect(await findViolations(on.db, [portal])).toEqual([])
  }, 120_000)
})
