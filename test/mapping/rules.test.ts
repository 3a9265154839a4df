/** The rules table as promises: how a login alone changes the portal's accounts. */
import { expect, test } from 'vitest'
import { type Evidence, type Outcome, type Situation, rules } from '../../src/mapping/linking.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { dumpRows } from '../support/dumps.ts'
import { createMapping } from '../support/mapping/mapping.ts'
import { knownPersons } from '../support/operators/operators.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const { db, records, simulator } = world
const officers = createMapping({ db, keys: world.config.keys })
await knownPersons(db, ['officer-1', 'officer-2'])
const officer = { actor: 'officer-1', reason: 'test', reference: 'test' }

let count = 0
async function open(policy: Record<string, unknown> = {}) {
  const clientId = `rules-${++count}`
  await world.register(portalDefinition(clientId, { policy }))
  const portal = await world.portal({ clientId, scope: 'openid legacy_accounts' })
  return {
    clientId,
    /** @returns the accounts that the portal receives, each with how it was linked */
    async meet(citizen: string) {
      simulator.approve(citizen)
      const { tokens, claims } = await portal.signIn()
      const person = await portal.userinfo(tokens.access_token, claims.sub)
      return (person['legacy_accounts'] as { id: string; method: string }[]).map(({ id, method }) => [
        id,
        method,
      ])
    },
    /** Imports a row under the citizen's number. */
    import: (accountId: string, citizen: string, row: Record<string, string> = {}) =>
      world.legacyAccounts(clientId, {
        account_id: accountId,
        citizen_id: citizenNamed(citizen).number,
        ...row,
      }),
    accounts: () =>
      db.query<{ id: string; state: string }>(
        'select id::text, state from legacy_account where client_id = $1 order by id',
        [clientId],
      ),
    cases: () =>
      db.query<{
        id: string
        account: string
        reason: string
        subject_id: string
        account_key: Buffer
        sealed: Buffer
      }>(
        `select c.id, a.id::text as account, c.reason, c.subject_id, a.account_key, c.sealed
         from review_case c join legacy_account a on a.id = c.account_id
         where c.client_id = $1 and c.outcome is null order by c.opened_at, c.id`,
        [clientId],
      ),
  }
}
type Open = Awaited<ReturnType<typeof open>>
const statesOf = async (at: Open) => (await at.accounts()).map(({ state }) => state)

const attested = { attested_at: '2024-05-20' }
/** Both persons are known to the broker, but not at the portal of the test. */
const elsewhere = await open()
for (const citizen of ['an', 'binh']) await elsewhere.meet(citizen)
async function subjectOf(citizen: string): Promise<string> {
  const [row] = await db.query<{ id: string }>(
    `select i.subject_id as id from identifier_key k join identifier i on i.id = k.identifier_id where k.key = $1`,
    [world.citizenKeysOf(citizenNamed(citizen).number)[0]],
  )
  return row!.id
}

async function linkByHand(account: string, citizen: string) {
  const question = await officers.question(account, await subjectOf(citizen), officer)
  const approval = await officers.confirm(question, { ...officer, evidence: 'papers' })
  await officers.approve(approval, { actor: 'officer-2', reference: 'test' })
}

const evidences: Partial<Record<Evidence, { row: Record<string, string>; policy?: object; reason: string }>> =
  {
    attested_number: { row: attested, reason: 'none' },
    matching_person: {
      row: { name: 'nguyễn văn AN', birth_date: '12/03/1985' },
      policy: { mapping: { unattested_match: true } },
      reason: 'none',
    },
    bare_number: { row: { name: 'nguyễn văn AN', birth_date: '12/03/1985' }, reason: 'not_attested' },
    other_kind: { row: { ...attested, kind: 'organisation' }, reason: 'kind_differs' },
  }
const situations: Record<Situation, (account: string) => Promise<unknown>> = {
  open: async () => {},
  in_review: async (account) => officers.question(account, await subjectOf('binh'), officer),
  theirs: (account) => linkByHand(account, 'an'),
  anothers: (account) => linkByHand(account, 'binh'),
  exempt: (account) => db.query(`update legacy_account set state = 'exempt' where id = $1`, [account]),
  retired: async (account) =>
    officers.retire(await officers.question(account, await subjectOf('binh'), officer), officer),
}
const order: Situation[] = ['open', 'in_review', 'theirs', 'anothers', 'exempt', 'retired']
const promised: Partial<Record<Evidence, Outcome[]>> = {
  attested_number: ['link', 'wait', 'keep', 'review', 'refuse', 'refuse'],
  matching_person: ['link', 'wait', 'keep', 'review', 'refuse', 'refuse'],
  bare_number: ['review', 'wait', 'keep', 'review', 'refuse', 'refuse'],
  other_kind: ['review', 'wait', 'keep', 'review', 'refuse', 'refuse'],
}
const cells = Object.entries(promised).flatMap(([evidence, outcomes]) =>
  order.map((situation, index) => ({ evidence: evidence as Evidence, situation, outcome: outcomes[index]! })),
)

/** One login meets an account in each situation, all with the same evidence. No account affects another. */
async function visit(evidence: Evidence) {
  const { row, policy } = evidences[evidence]!
  const at = await open({ ...policy })
  for (const situation of order) await at.import(situation, 'an', row)
  const accounts = await at.accounts()
  for (const [index, situation] of order.entries()) await situations[situation](accounts[index]!.id)
  const look = async () => ({ accounts: await at.accounts(), cases: await at.cases() })
  const before = await look()
  const received = await at.meet('an')
  const after = await look()
  return (situation: Situation) => {
    const { id } = accounts[order.indexOf(situation)]!
    const of = ({ accounts: all, cases }: typeof before) => ({
      state: all.find((account) => account.id === id)!.state,
      cases: cases.filter(({ account }) => account === id),
    })
    return {
      before: of(before),
      after: { received: received.filter(([name]) => name === situation), ...of(after) },
    }
  }
}
const visits = new Map<Evidence, ReturnType<typeof visit>>()
const visited = (evidence: Evidence) =>
  visits.get(evidence) ?? visits.set(evidence, visit(evidence)).get(evidence)!

test.each(cells)('$evidence, account $situation: $outcome', async ({ evidence, situation, outcome }) => {
  expect(rules[evidence][situation]).toBe(outcome)
  const { before, after } = (await visited(evidence))(situation)
  const opened = {
    reason: situation === 'anothers' ? 'held_by_another' : evidences[evidence]!.reason,
    subject_id: await subjectOf('an'),
  }
  const promises = {
    link: { ...before, received: [[situation, evidence]], state: 'linked' },
    keep: { ...before, received: [[situation, 'operators']] },
    wait: { ...before, received: [] },
    refuse: { ...before, received: [] },
    review: {
      received: [],
      state: situation === 'open' ? 'in_review' : 'linked',
      cases: [expect.objectContaining(opened)],
    },
  }
  expect(after).toEqual(promises[outcome])
})

test("a case keeps VNeID's side sealed beside the account's", async () => {
  const at = await open()
  await at.import('old-1', 'an', { name: 'Nguyễn An', birth_date: '1985' })
  expect(await at.meet('an')).toEqual([])
  const [question] = await at.cases()
  const { identifier, name, birthDate } = records.open(question!.account_key, question!.sealed)
  const an = citizenNamed('an')
  expect([identifier?.reveal(), name, birthDate]).toEqual([an.number, an.name, an.birthDate])
  expect(question!.sealed.includes(Buffer.from(an.name))).toBe(false)
})

test('a second login opens no second case, and creates no link while the case is open', async () => {
  const at = await open()
  await at.import('old-1', 'an')
  for (let turn = 0; turn < 2; turn++) expect(await at.meet('an')).toEqual([])
  expect(await at.cases()).toHaveLength(1)
  // The number is attested meanwhile, but an operator must still decide the case.
  await at.import('old-1', 'an', attested)
  expect(await at.meet('an')).toEqual([])
  expect(await at.cases()).toHaveLength(1)
})

test("another person's account opens one case in any number of logins, and each login succeeds", async () => {
  const at = await open()
  await at.import('old-1', 'an', attested)
  await situations.anothers(
    (await db.query<{ id: string }>('select max(id)::text as id from legacy_account'))[0]!.id,
  )
  for (let turn = 0; turn < 2; turn++) expect(await at.meet('an')).toEqual([])
  expect(await at.cases()).toMatchObject([{ reason: 'held_by_another' }])
  expect(await at.meet('binh')).toEqual([['old-1', 'operators']])
})

test('a person who was denied an account gets no second case for it, and no link', async () => {
  const at = await open()
  await at.import('old-1', 'an')
  await at.meet('an')
  await officers.dismiss((await at.cases())[0]!.id, officer)
  await at.import('old-1', 'an', attested)
  expect(await at.meet('an')).toEqual([])
  expect([await statesOf(at), await at.cases()]).toEqual([['open'], []])
})

const [hoa, dung] = [citizenNamed('hoa'), citizenNamed('dung')]
const trusting = { mapping: { unattested_match: true } }
type Written = readonly [how: string, citizen: string, row: Record<string, string>]
/** One login of each citizen, at a portal that has an account for every way in which a person can be written. */
async function meetAll(written: readonly Written[]) {
  const at = await open(trusting)
  for (const [how, citizen, row] of written) await at.import(how, citizen, row)
  const received: string[][] = []
  for (const citizen of new Set(written.map(([, who]) => who))) received.push(...(await at.meet(citizen)))
  const [accounts, cases] = [await at.accounts(), await at.cases()]
  return (how: string) => ({
    received: received.filter(([id]) => id === how),
    cases: cases.filter(({ account }) => account === accounts[written.findIndex(([id]) => id === how)]!.id),
  })
}

const agreeing: Written[] = [
  ['as VNeID spells it', 'hoa', { name: hoa.name, birth_date: hoa.birthDate! }],
  ['NFC', 'hoa', { name: hoa.name.normalize('NFC'), birth_date: hoa.birthDate! }],
  ['NFD', 'hoa', { name: hoa.name.normalize('NFD'), birth_date: hoa.birthDate! }],
  ['the tone mark on the other vowel', 'hoa', { name: 'Nguyễn Thị Hoà', birth_date: hoa.birthDate! }],
  ['upper case, spaced', 'hoa', { name: ' NGUYỄN  THỊ HÒA', birth_date: '02/09/1966' }],
  ['a year where VNeID has a date', 'hoa', { name: 'Nguyễn Thị Hòa', birth_date: '1966' }],
  ['a date where VNeID has a year', 'dung', { name: dung.name, birth_date: '1952-08-01' }],
]
const agreed = await meetAll(agreeing)
test.each(agreeing)('if the policy allows it, an agreeing name and birth date create a link: %s', (how) => {
  expect(agreed(how)).toEqual({ received: [[how, 'matching_person']], cases: [] })
})

const differing: Written[] = [
  ['another tone', 'hoa', { name: 'Nguyễn Thị Hóa', birth_date: hoa.birthDate! }],
  ['no tone', 'hoa', { name: 'Nguyễn Thị Hoa', birth_date: hoa.birthDate! }],
  ['another order', 'hoa', { name: 'Thị Hòa Nguyễn', birth_date: hoa.birthDate! }],
  ['another day', 'hoa', { name: 'Nguyễn Thị Hòa', birth_date: '1966-09-03' }],
  ['another year', 'hoa', { name: 'Nguyễn Thị Hòa', birth_date: '1967' }],
  ['no name', 'hoa', { birth_date: hoa.birthDate! }],
  ['no birth date', 'hoa', { name: 'Nguyễn Thị Hòa' }],
]
const differed = await meetAll(differing)
test.each(differing)(
  'if the policy allows it, a differing name or birth date opens a case and creates no link: %s',
  (how) => {
    expect(differed(how)).toMatchObject({ received: [], cases: [{ reason: 'not_attested' }] })
  },
)

test('an equal e-mail, telephone, name, birth date or CMND creates no link and no case', async () => {
  const at = await open(trusting)
  const { name, birthDate = '' } = citizenNamed('an')
  const alike = { name, birth_date: birthDate, email: 'an@thu.vn', phone: '0912345678', cmnd: '012345678' }
  await at.import('with-number', 'an', { ...alike, ...attested })
  await at.import('without', 'an', { ...alike, citizen_id: '' })
  await at.import('of-the-other-an', 'an2', { ...alike, ...attested })
  expect(await at.meet('an')).toEqual([['with-number', 'attested_number']])
  expect(await statesOf(at)).toEqual(['linked', 'open', 'open'])
  expect(await at.cases()).toEqual([])
})

test('a person with three accounts gets all of them in one login, under one reference', async () => {
  const at = await open()
  for (const id of ['old-1', 'old-2', 'old-3']) await at.import(id, 'binh', attested)
  expect((await at.meet('binh')).map(([id]) => id)).toEqual(['old-1', 'old-2', 'old-3'])
  const made = await db.query(
    `select reference, count(*)::int as n from audit_event
     where client_id = $1 and event in ('link.created', 'login.completed') group by reference`,
    [at.clientId],
  )
  expect(made).toEqual([{ reference: expect.any(String), n: 4 }])
})

test('a person who acts for an organisation neither links accounts of their own nor opens cases', async () => {
  const at = await open({ kinds: ['citizen', 'representative'] })
  await at.import('attested', 'minh', attested)
  await at.import('bare', 'minh')
  expect(await at.meet('minh')).toEqual([])
  expect([await statesOf(at), await at.cases()]).toEqual([['open', 'open'], []])
})

test("an account id that is a citizen's number or e-mail address is nowhere in clear", async () => {
  const at: Open = await open()
  const { number } = citizenNamed('vinh')
  const ids = [number, 'quang.vinh@thu-dien-tu.vn']
  await at.import(ids[0]!, 'vinh', attested)
  await at.import(ids[1]!, 'vinh')
  expect(await at.meet('vinh')).toEqual([[number, 'attested_number']])
  expect(await at.cases()).toHaveLength(1)
  const kept = `${await dumpRows(db)}${world.logLines.join('\n')}`
  for (const id of ids) {
    const bytes = Buffer.from(id)
    for (const form of [id, bytes.toString('hex'), bytes.toString('base64').replace(/.=*$/, '')])
      expect(kept.includes(form)).toBe(false)
  }
})
