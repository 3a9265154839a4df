/** A portal vouches for an old account: the citizen's page, the link or case, and the outcome for the portal. */
import { expect, test } from 'vitest'
import { createCitizenKeys } from '../../src/citizen-id.ts'
import { createLegacyRecords } from '../../src/mapping/record.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { signer } from '../support/keys.ts'
import {
  type At,
  createVouching,
  decide,
  expectQuestion,
  farAway,
  heardAt,
} from '../support/portals/vouching.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld()
const vouching = createVouching(world)
const { open, vouch, learn, wayThrough, linksOf, casesOf, refusalsOf, refusalsCounted } = vouching
const numberOf = (citizen: string) => citizenNamed(citizen).number
const subjectOf = async ({ clientId }: At) => {
  const [row] = await world.db.query<{ id: string }>(
    `select subject_id as id from audit_event where event = 'login.completed' and client_id = $1 order by id desc limit 1`,
    [clientId],
  )
  return row!.id
}
const expectNoLink = async (at: At) => expect(await linksOf(at)).toEqual([])

test('an account without a number, pushed by a confidential portal, is linked once the citizen agrees', async () => {
  const at = await open()
  await at.account('an.nguyen85')
  const asked = await vouch(at, 'an', 'an.nguyen85')
  expectQuestion(asked, 'an', 'an.nguyen85')
  expect(asked.page.body).toContain(`<bdi>Cổng ${at.clientId}</bdi>`)
  await expectNoLink(at)
  const { told, accounts } = await learn(at, asked, await decide(asked.visitor, asked.page, 'link'))
  expect(told).toEqual({ id: 'an.nguyen85', outcome: 'linked' })
  expect(accounts).toEqual(['an.nguyen85'])
  expect(await linksOf(at)).toMatchObject([
    { method: 'portal_word', evidence: { number: 'none', attested_on: null, request: 'pushed' } },
  ])
  const audit = await world.db.query(
    `select detail->>'method' as method from audit_event where event = 'link.created' and client_id = $1`,
    [at.clientId],
  )
  expect(audit).toEqual([{ method: 'portal_word' }])
})

test('a signed request object can vouch too, and the link records how the request was authenticated', async () => {
  const { privateKey, jwks } = await signer()
  const at = await open(farAway, { jwks, options: { par: false, jar: privateKey } })
  await at.account('an85')
  expect((await wayThrough(at, 'an', 'an85', 'link')).told).toEqual({ id: 'an85', outcome: 'linked' })
  expect(await linksOf(at)).toMatchObject([{ evidence: { number: 'none', request: 'signed' } }])
})

test('an account whose equal number was never attested is linked by vouching, and no case is opened', async () => {
  const at = await open()
  await at.account('claimed', { citizen_id: numberOf('binh') })
  const { told, accounts } = await wayThrough(at, 'binh', 'claimed', 'link')
  expect(told).toEqual({ id: 'claimed', outcome: 'linked' })
  expect(accounts).toEqual(['claimed'])
  expect(await linksOf(at)).toMatchObject([{ evidence: { number: 'equal', request: 'pushed' } }])
  expect(await casesOf(at)).toEqual([])
})

test('an account with only a CMND is linked after consent', async () => {
  const at = await open()
  await at.account('cmnd-only', { cmnd: '012345678' })
  expect((await wayThrough(at, 'an', 'cmnd-only', 'link')).accounts).toEqual(['cmnd-only'])
})

test('a citizen who declines is signed in anyway; nothing is linked, and the portal gets the outcome declined', async () => {
  const at = await open()
  await at.account('old-1')
  const { told, accounts, claims } = await wayThrough(at, 'an', 'old-1', 'skip')
  expect(told).toEqual({ id: 'old-1', outcome: 'declined' })
  expect(accounts).toEqual([])
  expect(claims.sub).toBeTruthy()
  await expectNoLink(at)
  expect((await wayThrough(at, 'an', 'old-1', 'link')).told).toEqual({ id: 'old-1', outcome: 'linked' })
})

test('an account that is already linked, or is linked by its number, needs no page', async () => {
  const at = await open()
  await at.account('by-number', { citizen_id: numberOf('an'), attested_at: '2024-05-20' })
  for (const _ of [1, 2]) {
    const asked = await vouch(at, 'an', 'by-number')
    const { told, accounts } = await learn(at, asked, asked.page)
    expect(told).toEqual({ id: 'by-number', outcome: 'already_linked' })
    expect(accounts).toEqual(['by-number'])
  }
  expect(await linksOf(at)).toMatchObject([{ method: 'attested_number' }])
})

test('an account that the portal never imported does not stop the login; the portal and the audit get the reason', async () => {
  const at = await open()
  const other = await open()
  await other.account('of-another-portal')
  const before = await refusalsCounted('unknown_account')
  const asked = await vouch(at, 'an', 'of-another-portal')
  const { told } = await learn(at, asked, asked.page)
  expect(told).toEqual({ id: 'of-another-portal', outcome: 'refused', reason: 'unknown_account' })
  expect(await refusalsOf(at)).toEqual([{ reason: 'unknown_account' }])
  expect(await refusalsCounted('unknown_account')).toBe(before + 1)
})

test.each([
  ['one that cannot be read', { citizen_id: '00108599990' }],
  ["a tax code that is another person's number", { tax_code: '079190999902' }],
])(
  'a recorded number counts in any field: %s goes to review, and never counts as no number',
  async (_, row) => {
    const at = await open()
    await at.account('unclear', row)
    const asked = await vouch(at, 'an', 'unclear')
    const { told } = await learn(at, asked, await decide(asked.visitor, asked.page))
    expect(told).toEqual({ id: 'unclear', outcome: 'in_review', reason: 'number_differs' })
    await expectNoLink(at)
  },
)

test('a different number creates no link: a case holds both sides, the citizen sees it, and the portal gets in_review', async () => {
  const at = await open()
  await at.account('of-binh', { citizen_id: numberOf('binh') })
  const asked = await vouch(at, 'an', 'of-binh')
  expect(asked.page.body).toContain('<h1>Liên kết đang chờ kiểm tra</h1>')
  expect(asked.page.body).toContain('khác với số trong tài khoản VNeID')
  expect(asked.page.body).not.toContain('value="link"')
  const { told } = await learn(at, asked, await decide(asked.visitor, asked.page))
  expect(told).toEqual({ id: 'of-binh', outcome: 'in_review', reason: 'number_differs' })
  await expectNoLink(at)
  const [opened] = await casesOf(at)
  const { config } = world
  const citizenKeys = createCitizenKeys({
    indexKeys: config.keys.index,
    seal: createSeal(config.keys.seal, 'identifier'),
  })
  const records = createLegacyRecords({ citizenKeys, keys: config.keys })
  const side = (sealed: Buffer) => records.open(opened!.account_key, sealed).identifier?.reveal()
  expect([opened!.reason, side(opened!.account), side(opened!.sealed)]).toEqual([
    'number_differs',
    numberOf('binh'),
    numberOf('an'),
  ])
  const [{ reference } = { reference: '' }] = await world.db.query<{ reference: string }>(
    'select reference from review_case where client_id = $1',
    [at.clientId],
  )
  expect(asked.page.body).toContain(`<dd>${reference}</dd>`)

  // Vouching again opens no second case, and has the same result.
  expect((await wayThrough(at, 'an', 'of-binh')).told).toEqual(told)
  expect(await casesOf(at)).toHaveLength(1)
})

test('an account that is linked to another person becomes a case, with or without a number', async () => {
  const at = await open()
  await at.account('of-binh', { citizen_id: numberOf('binh'), attested_at: '2024-05-20' })
  await at.account('also-of-binh')
  await wayThrough(at, 'binh', 'also-of-binh', 'link')
  for (const accountId of ['of-binh', 'also-of-binh']) {
    const { told, accounts } = await wayThrough(at, 'an', accountId)
    expect(told).toEqual({ id: accountId, outcome: 'in_review', reason: 'held_by_another' })
    expect(accounts).toEqual([])
  }
  expect(new Set((await linksOf(at)).map(({ subject }) => subject)).size).toBe(1)
  expect((await casesOf(at)).map(({ reason }) => reason)).toEqual(['held_by_another', 'held_by_another'])
})

test("an organisation's account vouched for to a citizen becomes a case; while it is open, further vouching waits", async () => {
  const at = await open({ lock: { organisation: { locked: '2099-01-01' } } })
  await at.account('company', { kind: 'organisation' })
  const told = { id: 'company', outcome: 'in_review' }
  expect((await wayThrough(at, 'an', 'company')).told).toEqual({ ...told, reason: 'kind_differs' })
  expect((await wayThrough(at, 'an', 'company')).told).toEqual({ ...told, reason: 'pending' })
  expect(await casesOf(at)).toHaveLength(1)
})

test('a staff account is never linked by vouching', async () => {
  const at = await open()
  await at.account('officer', { kind: 'staff' })
  const { told, page } = await wayThrough(at, 'an', 'officer')
  expect(page.body).toContain('<h1>Chưa liên kết được tài khoản</h1>')
  expect(told).toEqual({ id: 'officer', outcome: 'refused', reason: 'not_in_use' })
  expect(await refusalsOf(at)).toMatchObject([{ reason: 'not_in_use', population: 'staff' }])
})

test('an account that operators denied to this person stays denied to this person only', async () => {
  const at = await open()
  await at.account('denied')
  await vouch(at, 'an', 'unknown')
  await world.db.query(
    `insert into review_case (account_id, client_id, reason, subject_id, opened_by, outcome, decided_at, decided_by)
     select id, client_id, 'by_hand', $2, 'op', 'dismissed', now(), 'op' from legacy_account where client_id = $1`,
    [at.clientId, await subjectOf(at)],
  )
  const denied = { id: 'denied', outcome: 'refused', reason: 'denied' }
  expect((await wayThrough(at, 'an', 'denied')).told).toEqual(denied)
  expect((await wayThrough(at, 'binh', 'denied', 'link')).told).toMatchObject({ outcome: 'linked' })
})

test('a representative links no account of their own', async () => {
  const at = await open(farAway, { policy: { kinds: ['citizen', 'representative'] } })
  await at.account('of-minh')
  const { told, accounts } = await wayThrough(at, 'minh', 'of-minh')
  expect(told).toEqual({ id: 'of-minh', outcome: 'refused', reason: 'acts_for_organisation' })
  expect(accounts).toEqual([])
  await expectNoLink(at)
})

test("after the law's lock date vouching is refused, shown to the citizen, audited with the date, and counted", async () => {
  const at = await open({})
  await at.account('too-late')
  const before = await refusalsCounted('locked')
  const { told, page } = await wayThrough(at, 'an', 'too-late')
  expect(page.body).toContain('Thời hạn liên kết tài khoản trước đây theo cách này đã hết.')
  expect(told).toEqual({ id: 'too-late', outcome: 'refused', reason: 'locked' })
  expect(await refusalsOf(at)).toEqual([
    { reason: 'locked', population: 'citizen', since: '2024-07-01', account: expect.stringMatching(/^\d+$/) },
  ])
  expect(await refusalsCounted('locked')).toBe(before + 1)
  await expectNoLink(at)
})

test("a portal's own lock date replaces the law's, by the calendar of Vietnam", async () => {
  const day = (offset: number) =>
    new Date(Date.now() + 7 * 3_600_000 + offset * 86_400_000).toISOString().slice(0, 10)
  const today = await open({ lock: { citizen: { locked: day(0) } } })
  await today.account('old-1')
  expect((await wayThrough(today, 'an', 'old-1')).told).toMatchObject({ reason: 'locked' })
  expect(await refusalsOf(today)).toMatchObject([{ since: day(0) }])
  const soon = await open({ lock: { citizen: { locked: day(2) } } })
  await soon.account('old-1')
  expect((await wayThrough(soon, 'an', 'old-1', 'link')).told).toMatchObject({ outcome: 'linked' })
})

test('in the grace phase the page names the lock date, in the language of the page', async () => {
  const at = await open({ lock: { citizen: { grace: '2024-06-15', locked: '2099-02-01' } } })
  await at.account('old-1')
  const asked = await vouch(at, 'an', 'old-1')
  expect(asked.page.body).toContain('Từ ngày 01/02/2099')
  const english = await asked.visitor.open(`${asked.page.url}?ui_locales=en`)
  expect(english.body).toContain('<html lang="en">')
  expect(english.body).toContain('<h1>Link accounts</h1>')
  expect(english.body).toContain('From 1 February 2099')
  expect(heardAt(await decide(asked.visitor, english, 'link'))).toHaveProperty('code')
  expect(await linksOf(at)).toHaveLength(1)
  const wished = await open()
  await wished.account('old-1')
  expect((await vouch(wished, 'an', 'old-1', { ui_locales: 'en' })).page.body).toContain('Link accounts')
})

test('a written exception sends a late request to review; an expired exception does not', async () => {
  const lock = { citizen: { locked: '2024-07-01' } }
  const until = (day: string) => ({ lock, latecomers: { reference: 'CV 12/2026', until: day } })
  const valid = await open(until('2099-12-31'))
  await valid.account('late')
  const { told, page } = await wayThrough(valid, 'an', 'late')
  expect(page.body).toContain('vẫn nhận yêu cầu đến muộn')
  expect(told).toEqual({ id: 'late', outcome: 'in_review', reason: 'late_comer' })
  expect((await casesOf(valid)).map(({ reason }) => reason)).toEqual(['late_comer'])
  const expired = await open(until('2025-12-31'))
  await expired.account('late')
  expect((await wayThrough(expired, 'an', 'late')).told).toMatchObject({
    outcome: 'refused',
    reason: 'locked',
  })
  expect(await casesOf(expired)).toEqual([])
})

test('only the sign-in with the request returns the outcome; the next one does not', async () => {
  const at = await open()
  await at.account('old-1')
  const { visitor } = await wayThrough(at, 'an', 'old-1', 'link')
  for (const browser of [visitor, undefined]) {
    const { tokens, claims } = await at.portal.signIn({}, browser)
    const person = await at.portal.userinfo(tokens.access_token, claims.sub)
    expect(person).not.toHaveProperty('legacy_account_link')
    expect(person['legacy_accounts']).toMatchObject([{ id: 'old-1' }])
  }
})

test('the outcome is returned by its scope or its claim name, also in the ID token, and never beyond the agreed claims', async () => {
  const through = async (at: At, wish: Record<string, string>) => {
    await at.account('old-1')
    const asked = await vouch(at, 'an', 'old-1', wish)
    return learn(at, asked, await decide(asked.visitor, asked.page, 'link'))
  }
  const told = { id: 'old-1', outcome: 'linked' }
  const asks = (where: string) => JSON.stringify({ [where]: { legacy_account_link: null } })
  const named = await through(await open(), { scope: 'openid', claims: asks('userinfo') })
  expect(named.person).toMatchObject({ legacy_account_link: told })
  expect(named.person).not.toHaveProperty('legacy_accounts')
  const inIdToken = await through(await open(), { scope: 'openid', claims: asks('id_token') })
  expect(inIdToken.claims['legacy_account_link']).toEqual(told)
  const silent = await through(await open(), { scope: 'openid' })
  expect({ ...silent.person, ...silent.claims }).not.toHaveProperty('legacy_account_link')
  const narrow = await through(await open(farAway, { policy: { claims: ['legacy_accounts'] } }), {})
  expect(narrow.person).not.toHaveProperty('legacy_account_link')
  expect(narrow.accounts).toEqual(['old-1'])
})

test('the log contains neither the account nor the person', () => {
  const lines = world.logLines.join('')
  expect(lines).toContain('link.refused')
  for (const datum of ['an.nguyen85', 'of-binh', 'too-late', numberOf('an'), 'Nguyễn Văn An'])
    expect(lines).not.toContain(datum)
})
