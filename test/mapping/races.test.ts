/** Others may decide about an account between a login's read and its write. The login must then not write what it planned. */
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { Identifier } from '../../src/citizen-id.ts'
import { putClient } from '../../src/store/clients.ts'
import { type Database, type Db, openDatabase } from '../../src/store/db.ts'
import { migrate } from '../../src/store/migrate.ts'
import { atEnd } from '../support/at-end.ts'
import { findViolations } from '../support/mapping/invariants.ts'
import { type Mapping, createMapping } from '../support/mapping/mapping.ts'
import { freshDatabase } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined
const keys = {
  index: [Buffer.alloc(32, 1)],
  seal: [Buffer.alloc(32, 2)],
  pairwise: Buffer.alloc(32, 3),
}
const officer = { actor: 'officer-1', reason: 'because', reference: 'R' }
let db: Database
let mapping: Mapping
beforeAll(async () => {
  if (isMissing) return
  db = await openDatabase({ url: await freshDatabase() })
  atEnd(() => db.close())
  await migrate(db)
  mapping = createMapping({ db, keys })
})

let count = 0
async function open(row: Record<string, string>) {
  const clientId = `portal-${++count}`
  await putClient(db, { id: clientId, metadata: {} })
  const identifier = Identifier.parse('citizen_id', `001090${String(count).padStart(6, '0')}`)
  const login = ({ signIn }: Mapping = mapping) =>
    signIn(
      { kind: 'citizen', identifier, level: 2, authenticatedAt: 1 },
      {
        requirement: { clientId, kinds: ['citizen'], level: 1, levelAsked: false, essentialAcrs: undefined },
        reference: 'R',
        sso: false,
      },
    )
  const { subjectId } = await login()
  await mapping.importRows(clientId, { account_id: 'old-1', citizen_id: identifier.reveal(), ...row })
  const [account] = await db.query<{ id: string }>(
    'select id::text from legacy_account where client_id = $1',
    [clientId],
  )
  const stand = async () => {
    const [found] = await db.query<{ state: string; links: number; cases: number }>(
      `select state, (select count(*)::int from account_link where account_id = a.id) as links,
         (select count(*)::int from review_case where account_id = a.id and outcome is null) as cases
       from legacy_account a where id = $1`,
      [account!.id],
    )
    return found
  }
  return { clientId, login, subjectId, account: account!.id, stand }
}
/** A `db` that runs `something` before the statement that records a login. */
const interrupted = (happens: () => Promise<unknown>): Mapping => {
  const query: Db['query'] = async (text, values) => {
    if (text.includes('eligible')) await happens()
    return db.query(text, values)
  }
  return createMapping({ db: { ...db, query }, keys })
}
describe.skipIf(isMissing)('a login during which a decision commits', () => {
  test('does not link an account that was denied after its read, neither now nor later', async () => {
    const at = await open({ attested_at: '2024-05-20' })
    const denied = interrupted(async () =>
      mapping.dismiss(await mapping.question(at.account, at.subjectId, officer), officer),
    )
    expect((await at.login(denied)).links).toEqual([])
    expect((await at.login()).links).toEqual([])
    expect(await at.stand()).toEqual({ state: 'open', links: 0, cases: 0 })
    expect(await findViolations(db, [at.clientId])).toEqual([])
  })

  test('does not link an account again that was linked and unlinked after its read', async () => {
    const at = await open({ attested_at: '2024-05-20' })
    const overtaken = interrupted(async () => {
      const [link] = (await at.login()).links
      await mapping.end(link!.id, at.account, officer)
      const [question] = await db.query<{ id: string }>('select id from review_case where client_id = $1', [
        at.clientId,
      ])
      await mapping.dismiss(question!.id, officer)
    })
    expect((await at.login(overtaken)).links).toEqual([])
    expect(await at.stand()).toEqual({ state: 'open', links: 1, cases: 0 })
    expect(await findViolations(db, [at.clientId])).toEqual([])
  })

  test('does not link an account that is denied while it waits for the lock', async () => {
    const at = await open({ attested_at: '2024-05-20' })
    let decided: Promise<unknown> | undefined
    const waiting = interrupted(
      () =>
        new Promise<void>((resolve) => {
          decided = db.transaction(async (tx) => {
            // Both steps in one transaction, so that the account is open before and after it.
            const inOne = createMapping({ db: { ...db, transaction: (work) => work(tx) }, keys })
            const question = await inOne.question(at.account, at.subjectId, officer)
            resolve()
            await untilWaitedFor()
            await inOne.dismiss(question, officer)
          })
        }),
    )
    expect((await at.login(waiting)).links).toEqual([])
    await decided
    expect(await at.stand()).toEqual({ state: 'open', links: 0, cases: 0 })
    expect(await findViolations(db, [at.clientId])).toEqual([])
  })

  test('opens no case about an account that was settled while it waited', async () => {
    const at = await open({})
    let settled: Promise<unknown> | undefined
    const waiting = interrupted(async () => {
      // The account is in review when the statement begins, and open again when the statement gets the lock.
      const { subjectId } = await open({})
      const question = await mapping.question(at.account, subjectId, officer)
      await new Promise<void>((resolve) => {
        settled = slowly(resolve).dismiss(question, officer)
      })
    })
    await at.login(waiting)
    await settled
    await at.login()
    expect(await at.stand()).toEqual({ state: 'in_review', links: 0, cases: 1 })
    expect(await findViolations(db, [at.clientId])).toEqual([])
  })
})

/** Resolves when a statement waits for a lock, or after a time limit. */
async function untilWaitedFor() {
  const isWaitedFor = `select 1 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like '%eligible%'`
  for (let turn = 0; turn < 30 && (await db.query(isWaitedFor)).length === 0; turn++)
    await new Promise((resolve) => setTimeout(resolve, 10))
}

/** Commits only when another statement waits for the account that it has locked. */
function slowly(held: () => void): Mapping {
  const on = (tx: Db): Db => ({
    ...tx,
    async query(text, values) {
      if (text.startsWith('update legacy_account')) {
        held()
        await untilWaitedFor()
      }
      return tx.query(text, values)
    },
  })
  const transaction: Db['transaction'] = (work) => db.transaction((tx) => work(on(tx)))
  return createMapping({ db: { ...db, transaction }, keys })
}
