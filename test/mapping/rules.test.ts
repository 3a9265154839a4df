/** The rules table as promises: what a login alone makes of the portal's accounts. */
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
    /** @returns what the portal hears of its accounts */
    async meet(citizen: string) {
      simulator.approve(citizen)
      const { tokens, claims } = await portal.signIn()
      const person = await portal.userinfo(tokens.access_token, claims.sub)
      return (person['legacy_accounts'] as { id: string; method: string }[]).map(({ id, method }) => [
        id,
        method,
      ])
    },
    /** The citizen's number, and what else the row says. */
    import: (accountId: string, citizen: string, row: Record<string, string> = {}) =>
      world.legacyAccounts(clientId, {
        account_id: accountId,
        citizen_id: citizenNamed(citizen).number,
        ...row,
      }),
    states: async () =>
      (
        await db.query<{ state: string }>(
          'select state from legacy_account where client_id = $1 order by id',
          [clientId],
        )
      ).map(({ state }) => state),
    cases: () =>
      db.query<{ id: string; reason: string; subject_id: string; account_key: Buffer; sealed: Buffer }>(
        `select c.id, c.reason, c.subject_id, a.account_key, c.sealed
         from review_case c join legacy_account a on a.id = c.account_id
         where c.client_id = $1 and c.outcome is null order by c.opened_at, c.id`,
        [clientId],
      ),
  }
}
type Open = Awaited<ReturnType<typeof open>>

const attested = { attested_at: '2024-05-20' }
/** A person known here before, though not at the portal in question. */
const elsewhere = await open()
async function subjectOf(citizen: string): Promise<string> {
  await elsewhere.meet(citizen)
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

test.each(cells)('$evidence, account $situation: $outcome', async ({ evidence, situation, outcome }) => {
  expect(rules[evidence][situation]).toBe(outcome)
  const { row, policy, reason } = evidences[evidence]!
  const at = await open({ ...policy })
  await at.import('old-1', 'an', row)
  const [account] = await db.query<{ id: string }>(
    'select id::text from legacy_account where client_id = $1',
    [at.clientId],
  )
  await situations[situation](account!.id)
  const [states, cases] = [await at.states(), await at.cases()]

  const heard = await at.meet('an')
  const opened = {
    reason: situation === 'anothers' ? 'held_by_another' : reason,
    subject_id: await subjectOf('an'),
  }
  const after = {
    link: { heard: [['old-1', evidence]], states: ['linked'], cases },
    keep: { heard: [['old-1', 'operators']], states, cases },
    wait: { heard: [], states, cases },
    refuse: { heard: [], states, cases },
    review: {
      heard: [],
      states: [situation === 'open' ? 'in_review' : 'linked'],
      cases: [expect.objectContaining(opened)],
    },
  }
  expect({ heard, states: await at.states(), cases: await at.cases() }).toEqual(after[outcome])
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

test('a second login opens no second case, and links nothing while a human decides', async () => {
  const at = await open()
  await at.import('old-1', 'an')
  for (let turn = 0; turn < 2; turn++) expect(await at.meet('an')).toEqual([])
  expect(await at.cases()).toHaveLength(1)
  // Attested meanwhile: the question stays a human's.
  await at.import('old-1', 'an', attested)
  expect(await at.meet('an')).toEqual([])
  expect(await at.cases()).toHaveLength(1)
})

test("another's account opens one case however often the person comes, and each login goes on", async () => {
  const at = await open()
  await at.import('old-1', 'an', attested)
  await situations.anothers(
    (await db.query<{ id: string }>('select max(id)::text as id from legacy_account'))[0]!.id,
  )
  for (let turn = 0; turn < 2; turn++) expect(await at.meet('an')).toEqual([])
  expect(await at.cases()).toMatchObject([{ reason: 'held_by_another' }])
  expect(await at.meet('binh')).toEqual([['old-1', 'operators']])
})

test('who was denied an account is not asked about again, and not linked', async () => {
  const at = await open()
  await at.import('old-1', 'an')
  await at.meet('an')
  await officers.dismiss((await at.cases())[0]!.id, officer)
  await at.import('old-1', 'an', attested)
  expect(await at.meet('an')).toEqual([])
  expect([await at.states(), await at.cases()]).toEqual([['open'], []])
})

const [hoa, dung] = [citizenNamed('hoa'), citizenNamed('dung')]
test.each([
  ['as VNeID spells it', 'hoa', { name: hoa.name, birth_date: hoa.birthDate! }],
  ['NFC', 'hoa', { name: hoa.name.normalize('NFC'), birth_date: hoa.birthDate! }],
  ['NFD', 'hoa', { name: hoa.name.normalize('NFD'), birth_date: hoa.birthDate! }],
  ['the tone where others write it', 'hoa', { name: 'Nguyễn Thị Hoà', birth_date: hoa.birthDate! }],
  ['upper case, spaced', 'hoa', { name: ' NGUYỄN  THỊ HÒA', birth_date: '02/09/1966' }],
  ['a year where VNeID has a date', 'hoa', { name: 'Nguyễn Thị Hòa', birth_date: '1966' }],
  ['a date where VNeID has a year', 'dung', { name: dung.name, birth_date: '1952-08-01' }],
])('where the policy trusts it, an agreeing name and birth date link: %s', async (_, citizen, row) => {
  const at = await open({ mapping: { unattested_match: true } })
  await at.import('old-1', citizen, row)
  expect(await at.meet(citizen)).toEqual([['old-1', 'matching_person']])
})

test.each([
  ['another tone', { name: 'Nguyễn Thị Hóa', birth_date: hoa.birthDate! }],
  ['no tone', { name: 'Nguyễn Thị Hoa', birth_date: hoa.birthDate! }],
  ['another order', { name: 'Thị Hòa Nguyễn', birth_date: hoa.birthDate! }],
  ['another day', { name: 'Nguyễn Thị Hòa', birth_date: '1966-09-03' }],
  ['another year', { name: 'Nguyễn Thị Hòa', birth_date: '1967' }],
  ['no name', { birth_date: hoa.birthDate! }],
  ['no birth date', { name: 'Nguyễn Thị Hòa' }],
])('and one that differs calls a human: %s', async (_, row) => {
  const at = await open({ mapping: { unattested_match: true } })
  await at.import('old-1', 'hoa', row)
  expect(await at.meet('hoa')).toEqual([])
  expect(await at.cases()).toMatchObject([{ reason: 'not_attested' }])
})

test('nothing is linked, or even asked, for an equal e-mail, telephone, name, birth date or CMND', async () => {
  const at = await open({ mapping: { unattested_match: true } })
  const { name, birthDate = '' } = citizenNamed('an')
  const alike = { name, birth_date: birthDate, email: 'an@thu.vn', phone: '0912345678', cmnd: '012345678' }
  await at.import('with-number', 'an', { ...alike, ...attested })
  await at.import('without', 'an', { ...alike, citizen_id: '' })
  await at.import('of-the-other-an', 'an2', { ...alike, ...attested })
  expect(await at.meet('an')).toEqual([['with-number', 'attested_number']])
  expect(await at.states()).toEqual(['linked', 'open', 'open'])
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

test('who acts for an organisation neither links his own accounts nor opens cases', async () => {
  const at = await open({ kinds: ['citizen', 'representative'] })
  await at.import('attested', 'minh', attested)
  await at.import('bare', 'minh')
  expect(await at.meet('minh')).toEqual([])
  expect([await at.states(), await at.cases()]).toEqual([['open', 'open'], []])
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
