/** Legacy accounts become links at login: which ones, whose, and which portal receives them. */
import * as client from 'openid-client'
import { afterEach, expect, test, vi } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { type Visitor, createVisitor } from '../../src/sandbox/visitor.ts'
import { atEnd } from '../support/at-end.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

// The broker's clock can be set forward; it is never set back while a world lives.
vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true, advanceTimeDelta: 5 })
atEnd(() => vi.useRealTimers())
const world = await openWorld()
const { simulator, db } = world
const numberOf = (citizen: string) => citizenNamed(citizen).number
afterEach(() => simulator.tamper({}))

let count = 0
async function open(policy: Record<string, unknown> = {}) {
  const clientId = `portal-${++count}`
  await world.register(portalDefinition(clientId, { policy }))
  const portal = await world.portal({ clientId, scope: 'openid legacy_accounts' })
  const account = (accountId: string, citizen: string, changes: { attested?: boolean; kind?: string } = {}) =>
    world.legacyAccount({ clientId, accountId, number: numberOf(citizen), ...changes })
  return { clientId, portal, account }
}
type Open = Awaited<ReturnType<typeof open>>

async function enter({ portal }: Open, citizen: string, visitor?: Visitor, wish?: Record<string, string>) {
  simulator.approve(citizen)
  return portal.signIn(wish, visitor)
}
type Entered = Awaited<ReturnType<typeof enter>>
const personOf = ({ portal }: Open, { tokens, claims }: Entered) =>
  client.fetchUserInfo(portal.config, tokens.access_token, claims.sub)
async function accountsOf(at: Open, entered: Entered) {
  const { legacy_accounts: accounts } = await personOf(at, entered)
  return (accounts as { id: string }[] | undefined)?.map(({ id }) => id)
}
const meet = async (at: Open, citizen: string, visitor?: Visitor) =>
  accountsOf(at, await enter(at, citizen, visitor))
const subjectsOf = async (citizen: string) =>
  db.query<{ id: string }>(
    `select distinct i.subject_id as id from identifier_key k join identifier i on i.id = k.identifier_id
     where k.key = any($1::bytea[])`,
    [world.citizenKeysOf(numberOf(citizen))],
  )

test("an account whose attested number equals VNeID's is linked at the first login", async () => {
  const at = await open()
  await at.account('old-1', 'an')
  const { legacy_accounts: accounts } = await personOf(at, await enter(at, 'an'))
  expect(accounts).toEqual([
    {
      id: 'old-1',
      method: 'attested_number',
      linked_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      primary: false,
    },
  ])
  expect(await meet(at, 'an')).toEqual(['old-1'])
})

test('one person may own several accounts at a portal, also one imported after the first login', async () => {
  const at = await open()
  await at.account('old-1', 'binh')
  await at.account('old-2', 'binh')
  expect(await meet(at, 'binh')).toEqual(['old-1', 'old-2'])
  await at.account('old-0', 'binh')
  expect(await meet(at, 'binh')).toEqual(['old-1', 'old-2', 'old-0'])
})

test('a number that was never compared with the population database creates no link', async () => {
  const at = await open()
  await at.account('claimed', 'an', { attested: false })
  expect(await meet(at, 'an')).toEqual([])
})

test('an equal name and birth date create no link: only the number does', async () => {
  const at = await open()
  await at.account('the-other-an', 'an2')
  expect(await meet(at, 'an')).toEqual([])
  expect(await meet(at, 'an2')).toEqual(['the-other-an'])
})

test.each([
  ['staff', 'exempt'],
  ['organisation', 'in_review'],
])(
  "an account of kind %s with a citizen's attested number does not belong to the citizen: it ends %s",
  async (kind, state) => {
    const at = await open()
    await at.account('wrong-kind', 'an', { kind })
    expect(await meet(at, 'an')).toEqual([])
    expect(await db.query('select state from legacy_account where client_id = $1', [at.clientId])).toEqual([
      { state },
    ])
  },
)

test("a portal receives neither another portal's accounts nor another person's", async () => {
  const here = await open()
  const there = await open()
  await here.account('here', 'vinh')
  await there.account('there', 'vinh')
  await here.account('of-xuan', 'xuan')
  const visitor = createVisitor()
  expect(await meet(here, 'vinh', visitor)).toEqual(['here'])
  expect(await meet(there, 'vinh', visitor)).toEqual(['there'])
  expect(await meet(here, 'xuan')).toEqual(['of-xuan'])
})

test.each(['linked', 'open'])('an account that someone else holds (state %s) stays theirs', async (state) => {
  const at = await open()
  await at.account('disputed', 'an')
  await meet(await open(), 'yen')
  const [yen] = await subjectsOf('yen')
  await db.query(
    `insert into account_link (client_id, account_id, subject_id, method, evidence, linked_by)
     select client_id, id, $2, 'operators', '{}', 'operator' from legacy_account where client_id = $1`,
    [at.clientId, yen!.id],
  )
  await db.query('update legacy_account set state = $2 where client_id = $1', [at.clientId, state])
  expect(await meet(at, 'an')).toEqual([])
  expect(await meet(at, 'yen')).toEqual(['disputed'])
})

test('links are also returned within a session, without a new trip to VNeID for a second portal', async () => {
  const first = await open()
  const second = await open()
  const { visitor } = await enter(first, 'an')
  await second.account('imported-later', 'an')
  const trips = simulator.requests.authorize
  expect(await meet(second, 'an', visitor)).toEqual(['imported-later'])
  await second.account('imported-last', 'an')
  expect(await meet(second, 'an', visitor)).toEqual(['imported-later', 'imported-last'])
  expect(simulator.requests.authorize).toBe(trips)
})

test('the claim comes with its scope or by its name, and not otherwise', async () => {
  const at = await open()
  await at.account('old-1', 'an')
  expect(await accountsOf(at, await enter(at, 'an', undefined, { scope: 'openid profile' }))).toBeUndefined()
  const byName = { scope: 'openid', claims: JSON.stringify({ userinfo: { legacy_accounts: null } }) }
  expect(await accountsOf(at, await enter(at, 'an', undefined, byName))).toEqual(['old-1'])
  const inIdToken = { scope: 'openid', claims: JSON.stringify({ id_token: { legacy_accounts: null } }) }
  const { claims } = await enter(at, 'an', undefined, inIdToken)
  expect(claims['legacy_accounts']).toMatchObject([{ id: 'old-1' }])
})

test('a link that ends is gone from a new sign-in at once, and from tokens in use after a minute', async () => {
  const at = await open()
  await at.account('old-1', 'an')
  await at.account('old-2', 'an')
  const entered = await enter(at, 'an')
  await db.query(
    `update account_link set unlinked_at = now(), unlinked_by = 'operator', unlink_reason = 'test'
     where account_id = (select id from legacy_account where client_id = $1 and account_key = $2)`,
    [at.clientId, world.records.accountKey(at.clientId, 'old-1')],
  )
  expect(await meet(at, 'an')).toEqual(['old-2'])
  vi.setSystemTime(Date.now() + 61_000)
  expect(await accountsOf(at, entered)).toEqual(['old-2'])
})

test('a sign-in with a cancelled number is refused, and no second subject is created', async () => {
  const at = await open()
  await at.account('old-1', 'kien')
  const { visitor, tokens } = await enter(at, 'kien')
  const subjects = await subjectsOf('kien')
  await db.query('update identifier set valid_to = now() where subject_id = $1', [subjects[0]!.id])
  for (const attempt of [() => enter(at, 'kien'), async () => enter(await open(), 'kien', visitor)]) {
    await expect(attempt()).rejects.toMatchObject({
      error: 'access_denied',
      error_description: expect.stringContaining('identifier_cancelled'),
    })
  }
  expect(await subjectsOf('kien')).toEqual(subjects)
  const [{ n } = { n: -1 }] = await db.query<{ n: number }>(
    'select count(*)::int as n from identifier where subject_id = $1',
    [subjects[0]!.id],
  )
  expect(n).toBe(1)
  expect(tokens.access_token).toBeTruthy()
})

test('a first login writes subject, link and audit in one transaction, under the reference that the log shows', async () => {
  const at = await open()
  await at.account('old-1', 'dai')
  await at.account('old-2', 'dai')
  await enter(at, 'dai')
  const [subject] = await subjectsOf('dai')
  const rows = await db.query<{
    event: string
    reference: string
    tx: string
    client_id: string
    actor: string
  }>(
    'select event, reference, client_id, actor, xmin::text as tx from audit_event where subject_id = $1 order by id',
    [subject!.id],
  )
  expect(rows.map(({ event }) => event).toSorted()).toEqual([
    'link.created',
    'link.created',
    'login.completed',
    'subject.created',
  ])
  expect(new Set(rows.map(({ reference }) => reference)).size).toBe(1)
  expect(rows.every((row) => row.client_id === at.clientId && row.actor === 'citizen')).toBe(true)
  const made = await db.query<{ tx: string }>(
    `select xmin::text as tx from account_link where subject_id = $1 union all select xmin::text from subject where id = $1`,
    [subject!.id],
  )
  expect(new Set([...rows, ...made].map(({ tx }) => tx)).size).toBe(1)
  const line = world.logLines.find(
    (text) => text.includes('request.served') && text.includes(rows[0]!.reference),
  )
  expect(line).toBeDefined()
})

test('the audit of a login contains no number, name or birth date', async () => {
  const rows = JSON.stringify(await db.query('select * from audit_event'))
  for (const name of ['an', 'binh', 'dai']) {
    const { number, name: full, birthDate } = citizenNamed(name)
    for (const datum of [number, full, birthDate!]) expect(rows).not.toContain(datum)
  }
})

test('twenty simultaneous first logins of one citizen create one subject, and link each account once', async () => {
  const at = await open()
  await at.account('old-1', 'thao')
  await at.account('old-2', 'thao')
  const entered = await Promise.all(Array.from({ length: 20 }, () => enter(at, 'thao')))
  expect(new Set(entered.map(({ claims }) => claims.sub)).size).toBe(1)
  expect(await subjectsOf('thao')).toHaveLength(1)
  const links = await db.query('select 1 from account_link where client_id = $1', [at.clientId])
  expect(links).toHaveLength(2)
  for (const one of entered) expect(await accountsOf(at, one)).toEqual(['old-1', 'old-2'])
  const events = await db.query<{ event: string; n: number }>(
    'select event, count(*)::int as n from audit_event where client_id = $1 group by event order by event',
    [at.clientId],
  )
  expect(events.filter(({ event }) => !/^(client|import)\./.test(event))).toEqual([
    { event: 'link.created', n: 2 },
    { event: 'login.completed', n: 20 },
    { event: 'subject.created', n: 1 },
  ])
})

/** The first may write only after all of them have read: a race that rarely happens by chance. */
async function atOnce(at: Open, citizen: string) {
  const waiting = await db.transaction(async (tx) => {
    await tx.query('select 1 from legacy_account where client_id = $1 for update', [at.clientId])
    const logins = Array.from({ length: 5 }, () => enter(at, citizen))
    for (const login of logins) login.catch(() => {})
    await vi.waitFor(
      async () => {
        const held = await world.db.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        expect(held).toHaveLength(logins.length)
      },
      { timeout: 10_000, interval: 10 },
    )
    return logins
  })
  return Promise.all(waiting)
}
const oneConnection = world.config.database.url.startsWith('embedded:')

test.skipIf(oneConnection)(
  'when several logins reach the same account at once, each receives it although only one linked it',
  async () => {
    const at = await open()
    await meet(at, 'giang')
    await at.account('old-1', 'giang')
    for (const one of await atOnce(at, 'giang')) expect(await accountsOf(at, one)).toEqual(['old-1'])
  },
)

test.skipIf(oneConnection)(
  'simultaneous first logins of one citizen all end with the same subject and account',
  async () => {
    const at = await open()
    await at.account('old-1', 'hoa')
    const entered = await atOnce(at, 'hoa')
    expect(await subjectsOf('hoa')).toHaveLength(1)
    expect(new Set(entered.map(({ claims }) => claims.sub)).size).toBe(1)
    for (const one of entered) expect(await accountsOf(at, one)).toEqual(['old-1'])
  },
)
