/** What operators see of accounts and cases, how much of a number, and what they may not write into a reason. */
import { expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { numberOf, openOffice, reason, refusal, words } from '../support/operators/officers.ts'

const office = await openOffice()
const { world, db, one, two, openPortal, doubt, confirm, act, approve, ask, end, linksOf, subjectOf } = office
const auditor = await world.operator('an.auditor', ['auditor'])

interface Side {
  readonly name: string | null
  readonly birth_date: string | null
  readonly number: string | null
}
interface InFull {
  readonly account: Side & Record<string, unknown>
  readonly other: Side | null
  readonly agrees: Record<'number' | 'name' | 'birth_date', boolean | null>
  readonly history: Record<'reviews' | 'links' | 'approvals', Record<string, unknown>[]>
}
const read = ({ id }: { id: string }, by = one) => by.call<InFull>('GET', `/v1/reviews/${id}`)
const auditOf = (event: string) =>
  db.query<{ actor: string; client_id: string | null; detail: Record<string, unknown> }>(
    'select actor, client_id, detail from audit_event where event = $1 order by id',
    [event],
  )
const nowhere = (text: string) => {
  for (const line of world.logLines) expect(line).not.toContain(text)
}

test('a case shows both records and which fields agree, and only the last digits of a number', async () => {
  const { name, birthDate, number } = citizenNamed('binh')
  const { question } = await doubt('binh', {
    name: name.toUpperCase().normalize('NFD'),
    birth_date: '1990-07-26',
    cmnd: '012345678',
    created_by: 'officer',
  })
  const told = await read(question, auditor)
  const end3 = `*********${number.slice(-3)}`
  expect(told).toMatchObject({
    reason: 'not_attested',
    opened_by: 'citizen',
    account: {
      state: 'in_review',
      created_by: 'officer',
      attested_on: null,
      number: end3,
      cmnd: '******678',
    },
    other: { name, birth_date: birthDate, number: end3 },
    agrees: { number: true, name: true, birth_date: false },
  })
  expect(told.account['classes']).toContain('not_attested')
  for (const datum of [number, '012345678']) expect(JSON.stringify(told)).not.toContain(datum)
  expect((await auditOf('review.read')).at(-1)).toMatchObject({
    actor: 'an.auditor',
    detail: { case: question.id, account: question.account },
  })
  nowhere(name)
})

test('a case shows a changed row beside the recorded one; a case by hand shows only the number', async () => {
  const at = await openPortal()
  const [first, second] = [citizenNamed('chi'), citizenNamed('giang')]
  await at.account('old-1', 'chi', { name: first.name, birth_date: first.birthDate! })
  await at.account('old-1', 'giang', { name: first.name, birth_date: '1978' })
  const changed = await read(await at.question())
  expect(changed).toMatchObject({
    other: { name: first.name, birth_date: '1978', number: `*********${second.number.slice(-3)}` },
    agrees: { number: false, name: true, birth_date: true },
  })
  await act('dismiss', await at.question())
  await at.meet('giang')
  const [{ account } = { account: '' }] = await at.accounts()
  const byHand = { id: await ask(account, 'giang') }
  const told = await read(byHand)
  expect(told).toMatchObject({
    opened_by: 'officer.one',
    opened_reason: reason,
    other: { name: null, birth_date: null, number: `*********${second.number.slice(-3)}` },
    agrees: { number: false, name: null, birth_date: null },
    history: { reviews: [{ reason: 'number_changed', outcome: 'dismissed', decided_by: 'officer.one' }] },
  })
  const approval = await confirm({ ...byHand, account, reason: '', subject: null })
  await approve(approval)
  await end(at)
  const decided = await read(byHand)
  expect(decided).toMatchObject({ other: null, agrees: { number: null, name: null, birth_date: null } })
  expect(decided.history.links).toMatchObject([{ unlinked_by: 'officer.one', unlink_reason: reason }])
  expect(decided.history.approvals).toMatchObject([
    { id: approval, outcome: 'approved', asked_by: 'officer.one', ended_by: 'officer.two', ...words },
  ])
})

test('open cases are listed page by page, the oldest first, of one portal or of all', async () => {
  const at = await openPortal()
  for (const id of ['a', 'b', 'c', 'd', 'e']) await at.account(id, 'hoa', { attested: false })
  await at.meet('hoa')
  type Page = { reviews: { id: string }[]; next: string | null; more: boolean }
  const seen: string[] = []
  const pageAfter = (after: string): Promise<Page> =>
    auditor.call('GET', `/v1/reviews?client=${at.clientId}&limit=2&after=${encodeURIComponent(after)}`)
  let page: Page = await auditor.call('GET', `/v1/reviews?client=${at.clientId}&limit=2`)
  for (; page.more; page = await pageAfter(page.next!)) seen.push(...page.reviews.map(({ id }) => id))
  seen.push(...page.reviews.map(({ id }) => id))
  // The last cursor of the list continues with later cases.
  expect(await pageAfter(page.next!)).toEqual({ reviews: [], next: page.next, more: false })
  expect(seen).toHaveLength(5)
  expect(seen).toEqual((await at.cases()).map(({ id }) => id))
  const everywhere = await one.call<Page>('GET', '/v1/reviews?limit=200')
  expect(everywhere.reviews.length).toBeGreaterThan(5)
  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=1.5',
    'limit=',
    'after=nothing',
    'after=2024-13-45T00:00:00Z_x',
    'client=A%20B',
  ])
    expect(await refusal(one.call('GET', `/v1/reviews?${query}`))).toMatchObject({ code: 'input_invalid' })
})

test('an account is found by number, CMND or its id; each search is audited without personal data', async () => {
  const at = await openPortal()
  await at.account('old-1', 'kien')
  await at.account(numberOf('kien'), 'kien', { cmnd: '087654321' })
  await at.meet('kien')
  await end({ ...at, clientId: at.clientId })
  interface Found {
    readonly accounts: Record<string, unknown>[]
  }
  const search = (body: object, by = auditor) => by.call<Found>('POST', '/v1/accounts/search', body)
  const { clientId: client } = at
  const end3 = `*********${numberOf('kien').slice(-3)}`
  const byNumber = await search({ citizen_id: numberOf('kien') })
  expect(byNumber.accounts.map(({ account_id: id }) => id)).toEqual(['old-1', end3])
  const [ended, active] = (await linksOf(at)).toSorted((a, b) => Number(a.active) - Number(b.active))
  expect(byNumber.accounts.find(({ account }) => account === active!.account)).toMatchObject({
    client,
    kind: 'citizen',
    state: 'linked',
    attested_on: '2024-05-20',
    number: end3,
    link: { id: active!.id, subject: await subjectOf('kien'), method: 'attested_number' },
    history: [{ id: active!.id, unlinked_at: null }],
  })
  expect(byNumber.accounts.find(({ account }) => account === ended!.account)).toMatchObject({
    state: 'in_review',
    link: null,
    history: [{ id: ended!.id, unlinked_by: 'officer.one' }],
  })
  expect((await search({ cmnd: '087654321' })).accounts).toMatchObject([
    { account_id: end3, cmnd: '******321' },
  ])
  expect((await search({ client, account_id: 'old-1' })).accounts).toHaveLength(1)
  expect((await search({ client: 'some-other', citizen_id: numberOf('kien') })).accounts).toEqual([])
  expect(JSON.stringify(byNumber)).not.toContain(numberOf('kien'))
  expect((await auditOf('account.searched')).slice(-4)).toEqual([
    { actor: 'an.auditor', client_id: null, detail: { by: 'citizen_id', found: 2 } },
    { actor: 'an.auditor', client_id: null, detail: { by: 'cmnd', found: 1 } },
    { actor: 'an.auditor', client_id: client, detail: { by: 'account_id', found: 1 } },
    { actor: 'an.auditor', client_id: null, detail: { by: 'citizen_id', found: 0 } },
  ])
  for (const body of [
    {},
    { client },
    { account_id: 'old-1' },
    { citizen_id: numberOf('kien'), cmnd: '087654321' },
    { citizen_id: '1' },
    { cmnd: numberOf('kien') },
  ])
    expect(await refusal(search(body))).toMatchObject({ code: 'input_invalid' })
})

test('a reason or evidence with a number is refused, however the number is written', async () => {
  const { question } = await doubt('dai')
  const number = numberOf('dai')
  for (const text of [
    `the card says ${number}`,
    number.replaceAll(/(\d{3})/g, '$1 '),
    number.replaceAll(/(\d{3})/g, '$1. '),
    '0 1 2.3.4 5 6 7 8',
    `call ${'\u0660'.repeat(9)}`,
    'x',
    'x'.repeat(501),
  ]) {
    const calls = [
      ['confirm', { ...words, evidence: text }],
      ['confirm', { ...words, reason: text }],
      ['dismiss', { reason: text }],
    ] as const
    for (const [what, body] of calls) {
      const error = await refusal(one.call('POST', `/v1/reviews/${question.id}/${what}`, body))
      expect(error).toMatchObject({ status: 400, code: 'input_invalid' })
      if (text.startsWith('x')) continue
      expect(error!.detail).toMatch(/^(reason|evidence): must not contain identification numbers$/)
      expect(error!.message).not.toContain(text)
    }
  }
  nowhere(number)
  const fine = { reason: 'decision 12345678 of 2024-07-01', evidence: 'file 12/2024 and 34/2025, room 5' }
  await one.call('POST', `/v1/reviews/${question.id}/confirm`, fine)
})

test('a case by hand needs a known account and a known person', async () => {
  const at = await openPortal()
  await at.account('old-1', 'uyen')
  await at.account('of-staff', 'uyen', { kind: 'staff' })
  const [account, staff] = (await at.accounts()).map((row) => row.account)
  const question = (body: object) => refusal(one.call('POST', '/v1/reviews', { account, reason, ...body }))
  const unknown = await question({ citizen_id: numberOf('xuan') })
  expect(unknown).toMatchObject({
    code: 'input_invalid',
    detail: 'citizen_id: no person has signed in with this number',
  })
  expect(await question({ subject: crypto.randomUUID() })).toMatchObject({ code: 'input_invalid' })
  expect(await question({})).toMatchObject({ code: 'input_invalid' })
  await at.meet('vinh')
  const vinh = await subjectOf('vinh')
  expect(await question({ subject: vinh, citizen_id: numberOf('vinh') })).toMatchObject({
    code: 'input_invalid',
  })
  expect(await question({ subject: vinh, account: '999999' })).toMatchObject({ code: 'account_unknown' })
  expect(await question({ subject: vinh, account: 'old-1' })).toMatchObject({ code: 'input_invalid' })
  expect(await question({ subject: vinh, account: staff })).toMatchObject({ detail: 'the account is exempt' })
  expect(await question({ subject: vinh })).toBeUndefined()
  await approve(await confirm(await at.question()))
  expect(await question({ subject: vinh })).toMatchObject({
    detail: 'the account is already linked to this person',
  })
  await db.query('update identifier set valid_to = now() where subject_id = $1', [vinh])
  expect(await question({ citizen_id: numberOf('vinh') })).toMatchObject({ code: 'state_conflict' })
  await db.query('update identifier set valid_to = null where subject_id = $1', [vinh])
  await end(at)
  await db.query('update subject set disabled_at = now() where id = $1', [vinh])
  expect(await question({ subject: vinh })).toMatchObject({ detail: 'the person is disabled' })
  const approval = await confirm(await at.question())
  expect(await refusal(approve(approval))).toMatchObject({ detail: 'the person is disabled' })
  expect(await at.accounts()).toMatchObject([{ state: 'in_review' }, { state: 'exempt' }])
  await two.call('POST', `/v1/approvals/${approval}/decline`)
})

test('an unknown account, case or link is answered as unknown', async () => {
  for (const id of ['nobody', '1', crypto.randomUUID()]) {
    for (const what of ['dismiss', 'retire', 'reopen'])
      expect(await refusal(one.call('POST', `/v1/reviews/${id}/${what}`, { reason }))).toMatchObject({
        code: 'case_gone',
      })
    expect(await refusal(read({ id }))).toMatchObject({ code: 'case_gone' })
    for (const what of ['approve', 'decline'])
      expect(await refusal(one.call('POST', `/v1/approvals/${id}/${what}`))).toMatchObject({
        code: 'case_gone',
      })
  }
  const link = crypto.randomUUID()
  for (const [account, code] of [
    ['old-1', 'account_unknown'],
    ['999999', 'account_unknown'],
    ['9'.repeat(30), 'account_unknown'],
  ])
    expect(
      await refusal(one.call('POST', `/v1/accounts/${account}/links/${link}/end`, { reason })),
    ).toMatchObject({
      code,
    })
})
