/** Acts and approvals of operators about accounts: alone, by two persons, concurrently, and repeated. */
import { expect, test } from 'vitest'
import { classMask } from '../../src/mapping/classes.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { numberOf, openOffice, reason, refusal, words } from '../support/operators/officers.ts'

const office = await openOffice()
const { world, db, one, two, openPortal, doubt, confirm, act, approve, ask, end, linksOf, subjectOf } = office
const changed = classMask(['number_changed'])

test('no operator can link an account alone: the operator who asked may not approve, another one may', async () => {
  const { at, question } = await doubt('an')
  expect(question).toMatchObject({ reason: 'not_attested', subject: await subjectOf('an') })
  const approval = await confirm(question)
  expect(await refusal(approve(approval, one))).toMatchObject({ status: 409, code: 'second_person_needed' })
  expect(await at.meet('an')).toEqual([])
  expect(await refusal(confirm(question, two))).toMatchObject({ code: 'state_conflict' })
  await approve(approval)
  expect(await at.meet('an')).toEqual(['old-1'])
  expect(await at.accounts()).toMatchObject([{ state: 'linked', subject: await subjectOf('an') }])
  expect(await refusal(approve(approval))).toMatchObject({ status: 409, code: 'case_gone' })
  expect(await at.cases()).toEqual([])
})

test('an approval that is declined links nothing, and leaves the case open for another', async () => {
  const { at, question } = await doubt('binh')
  for (const by of [one, two]) {
    const approval = await confirm(question)
    await by.call('POST', `/v1/approvals/${approval}/decline`)
    expect(await refusal(approve(approval))).toMatchObject({ code: 'case_gone' })
    expect(await refusal(by.call('POST', `/v1/approvals/${approval}/decline`))).toMatchObject({
      code: 'case_gone',
    })
  }
  const [row] = await db.query<{ ends: string[] }>(
    `select array_agg(outcome order by ended_at) as ends from approval where case_id = $1`,
    [question.id],
  )
  expect(row!.ends).toEqual(['withdrawn', 'declined'])
  expect(await at.meet('binh')).toEqual([])
  await approve(await confirm(question))
  expect(await at.meet('binh')).toEqual(['old-1'])
})

test('a person who was denied an account is not linked to it at any later login', async () => {
  const { at, question } = await doubt('dung')
  await act('dismiss', question)
  expect(await at.accounts()).toMatchObject([{ state: 'open' }])
  // Not even if the portal attests the number later.
  await at.account('old-1', 'dung')
  expect(await at.meet('dung')).toEqual([])
  expect(await at.accounts()).toMatchObject([{ state: 'open' }])
  expect(await at.cases()).toEqual([])
  // Two operators can still link them.
  const [{ account } = { account: '' }] = await at.accounts()
  await ask(account, 'dung')
  await approve(await confirm(await at.question()))
  expect(await at.meet('dung')).toEqual(['old-1'])
})

test('a link that an operator ended is not created again automatically', async () => {
  const at = await openPortal()
  await at.account('old-1', 'giang')
  expect(await at.meet('giang')).toEqual(['old-1'])
  await end(at)
  expect(await at.meet('giang')).toEqual([])
  expect(await at.accounts()).toMatchObject([{ state: 'in_review' }])
  const question = await at.question()
  expect(question).toMatchObject({ reason: 'unlinked', subject: await subjectOf('giang') })
  await act('dismiss', question)
  expect(await at.meet('giang')).toEqual([])
  expect(await linksOf(at)).toMatchObject([{ active: false }])
  expect(await refusal(end(at))).toMatchObject({ status: 409, code: 'state_conflict' })
})

test('dismiss and retire can be undone: the case is open again', async () => {
  const { at, question } = await doubt('hoa')
  expect(await refusal(act('reopen', question))).toMatchObject({
    code: 'state_conflict',
    detail: 'the case is open',
  })
  await act('dismiss', question)
  expect(await refusal(act('dismiss', question))).toMatchObject({ status: 409, code: 'case_gone' })
  await act('reopen', question)
  expect(await at.accounts()).toMatchObject([{ state: 'in_review' }])

  await at.meet('yen')
  const other = await ask(question.account, 'yen')
  await act('retire', question)
  expect(await at.accounts()).toMatchObject([{ state: 'retired' }])
  expect(await at.cases()).toEqual([])
  expect(await at.meet('hoa')).toEqual([])
  expect(await refusal(ask(question.account, 'hoa'))).toMatchObject({ detail: 'the account is retired' })
  await act('reopen', question)
  expect((await at.cases()).map(({ id }) => id)).toEqual([question.id, other])
  await approve(await confirm(question))
  expect(await at.meet('hoa')).toEqual(['old-1'])
  expect(await refusal(act('reopen', question))).toMatchObject({ detail: 'the case is linked' })
  expect(await at.cases()).toEqual([])
})

test('a dismissed case cannot be reopened while the account is retired, nor while the same case is open', async () => {
  const { at, question } = await doubt('vinh')
  await act('dismiss', question)
  const again = { ...question, id: await ask(question.account, 'vinh') }
  expect(await refusal(ask(question.account, 'vinh'))).toMatchObject({
    detail: 'the same case is already open',
  })
  await act('dismiss', again)
  const third = { ...question, id: await ask(question.account, 'vinh') }
  expect(await refusal(act('reopen', again))).toMatchObject({ detail: 'the same case is already open' })
  await act('retire', third)
  expect(await refusal(act('reopen', question))).toMatchObject({ detail: 'the account is retired' })
  expect(await at.accounts()).toMatchObject([{ state: 'retired' }])
})

/** The account is recorded with one person's number, and a later file has another person's. */
async function conflict(first: string, second: string, policy = {}) {
  const at = await openPortal(policy)
  await at.account('old-1', first)
  const { name, birthDate } = citizenNamed(second)
  const row = { name, birth_date: birthDate!, attested: false }
  const differ = () => at.account('old-1', second, row)
  return { at, differ }
}

test('an accepted number replaces the recorded one, and counts as not attested', async () => {
  const { at, differ } = await conflict('khoi', 'loan', { mapping: { unattested_match: true } })
  await differ()
  const question = await at.question()
  expect(question).toMatchObject({ reason: 'number_changed', subject: null })
  expect((await at.accounts())[0]!.classes & changed).toBe(changed)
  const approval = await confirm(question)
  expect((await two.call<{ approvals: object[] }>('GET', '/v1/approvals')).approvals).toMatchObject([
    {
      id: approval,
      kind: 'account.accept',
      asks: { case: question.id, subject: null, client: at.clientId },
    },
  ])
  await approve(approval)
  const [account] = await at.accounts()
  expect(account).toMatchObject({ state: 'open', classes: expect.any(Number) })
  expect(account!.classes & changed).toBe(0)
  expect(account!.classes & classMask(['not_attested'])).not.toBe(0)
  expect(await at.meet('khoi')).toEqual([])
  expect(await at.meet('loan')).toEqual(['old-1'])
  expect(await linksOf(at)).toMatchObject([{ method: 'matching_person' }])
  expect(await refusal(act('reopen', question))).toMatchObject({ detail: 'the case is accepted' })
  // The same row, imported again, equals the recorded one now.
  await differ()
  expect(await at.cases()).toEqual([])
})

test('a dismissed number is not stored, and denies the account to no person', async () => {
  const { at, differ } = await conflict('xuan', 'yen')
  await at.meet('xuan')
  await differ()
  const question = await at.question()
  expect(question).toMatchObject({ reason: 'number_changed', subject: await subjectOf('xuan') })
  expect(await refusal(confirm(question))).toMatchObject({
    detail: 'the account is linked; end the link first',
  })
  await act('dismiss', question)
  expect(await at.accounts()).toMatchObject([{ state: 'linked' }])
  expect((await at.accounts())[0]!.classes & changed).toBe(0)
  await act('reopen', question)
  expect((await at.accounts())[0]!.classes & changed).toBe(changed)
  await end(at)
  expect(await refusal(confirm(question))).toMatchObject({
    detail: 'the changed row is no longer stored; import it again',
  })
  await act('dismiss', question)
  await db.query(`update review_case set outcome = 'linked', decided_at = now(), decided_by = 'test'
    where client_id = '${at.clientId}' and reason = 'unlinked'`)
  await db.query(`update legacy_account set state = 'open' where client_id = '${at.clientId}'`)
  expect(await at.meet('xuan')).toEqual(['old-1'])
})

test('no operator can accept another number alone, neither by approving nor by importing the row again', async () => {
  const { at, differ } = await conflict('kien', 'loan')
  await differ()
  const question = await at.question()
  const approval = await confirm(question)
  const before = await at.accounts()
  expect(await refusal(approve(approval, one))).toMatchObject({ status: 409, code: 'second_person_needed' })
  await differ()
  expect([await at.accounts(), await at.question()]).toEqual([before, question])
  expect(await at.meet('loan')).toEqual([])
  // The second operator declines, and an approval that has ended does not accept the row.
  await act('dismiss', question, two)
  expect(await refusal(approve(approval))).toMatchObject({ status: 409, code: 'case_gone' })
  expect(await at.meet('kien')).toEqual(['old-1'])
})

test('a number that was confirmed is refused once the account is linked', async () => {
  const { at, differ } = await conflict('kien', 'loan')
  await differ()
  const question = await at.question()
  const taking = await confirm(question)
  expect(await at.meet('kien')).toEqual([])
  const linking = await confirm({ ...question, id: await ask(question.account, 'kien') })
  await approve(linking)
  expect(await refusal(approve(taking))).toMatchObject({ status: 409, code: 'case_gone' })
  expect(await at.meet('kien')).toEqual(['old-1'])
})

test('a case drops VNeID’s data when it is decided, whatever the outcome', async () => {
  const sealed = async (id: string) =>
    (await db.query<{ sealed: Buffer | null }>('select sealed from review_case where id = $1', [id]))[0]!
      .sealed
  for (const how of ['dismiss', 'retire', 'accept', 'link'] as const) {
    const { at, differ } = await conflict('dai', 'an')
    if (how === 'accept') await differ()
    const { question } = how === 'accept' ? { question: await at.question() } : await doubt('dai')
    expect(await sealed(question.id)).toBeInstanceOf(Buffer)
    if (how === 'link' || how === 'accept') await approve(await confirm(question))
    else await act(how, question)
    expect({ how, sealed: await sealed(question.id) }).toEqual({ how, sealed: null })
  }
})

test('each act is audited in its own transaction, with the operator and without the text they wrote', async () => {
  const { at, question } = await doubt('uyen')
  const approval = await confirm(question)
  await approve(approval)
  await end(at)
  const unlinked = await at.question()
  await act('dismiss', unlinked, two)
  await act('reopen', unlinked)
  await act('retire', unlinked, two)
  type Row = { event: string; actor: string; tx: string; detail: Record<string, string> }
  const events = await db.query<Row>(
    `select event, actor, xmin::text as tx, detail from audit_event
     where client_id = $1 and actor like 'officer%' or detail->>'approval' = $2 order by id`,
    [at.clientId, approval],
  )
  expect(events.map(({ event, actor }) => `${event} ${actor}`)).toEqual([
    'approval.asked officer.one',
    'approval.ended officer.two',
    'review.decided officer.two',
    'link.created officer.two',
    'link.ended officer.one',
    'review.opened officer.one',
    'review.decided officer.two',
    'review.reopened officer.one',
    'review.decided officer.two',
  ])
  const [rows] = await db.query<Record<'approval' | 'decided' | 'link' | 'retired', string>>(
    `select (select xmin::text from approval where id = $1) as approval,
       (select xmin::text from review_case where id = $2) as decided,
       (select xmin::text from account_link where client_id = $4) as link,
       (select xmin::text from review_case where id = $3) as retired`,
    [approval, question.id, unlinked.id, at.clientId],
  )
  const txOf = (name: string, nth = 0) => events.filter(({ event }) => event === name).at(nth)!.tx
  expect(new Set([rows!.approval, rows!.decided, txOf('approval.ended'), txOf('link.created')]).size).toBe(1)
  expect(new Set([rows!.link, txOf('link.ended'), txOf('review.opened')]).size).toBe(1)
  expect(rows!.retired).toBe(txOf('review.decided', -1))
  const told = JSON.stringify(events) + world.logLines.join('')
  for (const text of [reason, words.evidence, numberOf('uyen')]) expect(told).not.toContain(text)
})
