/** A number is cancelled and another one issued: the person keeps the subject, and the old number no longer identifies a person. */
import { expect, test, vi } from 'vitest'
import { createOperator } from '../../src/operators/operators.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { numberOf, openOffice, refusal, words } from '../support/operators/officers.ts'

// The broker's clock can be set forward; it is never set back while a world is open.
vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true, advanceTimeDelta: 5 })
const office = await openOffice()
const { world, db, one, two, openPortal, approve, confirm, act, end, linksOf, subjectOf } = office

async function move(from: string, to: string, by = one): Promise<string> {
  const body = { old_number: numberOf(from), new_number: numberOf(to), ...words }
  return (await by.call<{ approval: string }>('POST', '/v1/citizens/rekey', body)).approval
}
const rekey = async (from: string, to: string) => approve(await move(from, to))
/** Every test has its own persons, because a cancelled number can never be used again. */
async function freed(...citizens: string[]): Promise<void> {
  const keys = citizens.flatMap((citizen) => world.citizenKeysOf(numberOf(citizen)))
  await db.query('delete from identifier_key where key = any($1::bytea[])', [keys])
}
const cancelled = {
  error: 'access_denied',
  error_description: expect.stringContaining('identifier_cancelled'),
}

test('the person keeps `sub` and links, and signs in with the new number from then on', async () => {
  const at = await openPortal()
  const elsewhere = await openPortal()
  await at.account('old-1', 'an')
  const before = await at.enter('an')
  const subject = await subjectOf('an')
  const links = await linksOf(at)
  await elsewhere.account('waiting', 'an', { attested: true })

  const approval = await move('an', 'binh')
  expect(await refusal(approve(approval, one))).toMatchObject({ status: 409, code: 'second_person_needed' })
  const { approvals } = await two.call<{ approvals: object[] }>('GET', '/v1/approvals')
  expect(approvals).toMatchObject([
    {
      id: approval,
      kind: 'subject.rekey',
      asked_by: 'officer.one',
      ...words,
      asks: {
        subject,
        old_number: `*********${numberOf('an').slice(-3)}`,
        new_number: `*********${numberOf('binh').slice(-3)}`,
      },
    },
  ])
  await approve(approval)

  const after = await at.enter('binh')
  expect(after.claims.sub).toBe(before.claims.sub)
  expect(await subjectOf('binh')).toBe(subject)
  expect(await linksOf(at)).toEqual(links)
  expect(await at.meet('binh')).toEqual(['old-1'])

  // Also in a browser with a session, and at other portals.
  for (const attempt of [
    () => at.enter('an'),
    () => elsewhere.enter('an'),
    () => elsewhere.enter('an', before.visitor),
  ])
    await expect(attempt()).rejects.toMatchObject(cancelled)

  // Open accounts with the old number are cases now, at every portal.
  expect(await elsewhere.accounts()).toMatchObject([{ state: 'in_review' }])
  expect(await elsewhere.meet('binh')).toEqual([])
  const question = await elsewhere.question()
  expect(question).toMatchObject({ reason: 'number_cancelled', subject })
  await approve(await confirm(question))
  expect(await elsewhere.meet('binh')).toEqual(['waiting'])

  // After another import the old number still identifies no person; an account with the new one is linked as usual.
  await at.account('again', 'an')
  await at.account('new', 'binh')
  await expect(at.enter('an')).rejects.toMatchObject(cancelled)
  expect(await at.meet('binh')).toEqual(['old-1', 'new'])
  const [row] = await db.query<{ sealed: Buffer | null }>('select sealed from approval where id = $1', [
    approval,
  ])
  expect(row!.sealed).toBeNull()
})

test('a move is audited in its own transaction, without either number', async () => {
  await freed('an', 'binh')
  const at = await openPortal()
  await at.enter('an')
  const approval = await move('an', 'binh')
  await approve(approval)
  const events = await db.query<{ event: string; actor: string; tx: string; detail: object }>(
    `select event, actor, xmin::text as tx, detail from audit_event where detail->>'approval' = $1 order by id`,
    [approval],
  )
  expect(events.map(({ event, actor }) => `${event} ${actor}`)).toEqual([
    'approval.asked officer.one',
    'approval.ended officer.two',
    'subject.rekeyed officer.two',
  ])
  const rows = await db.query<{ tx: string }>(
    `select xmin::text as tx from approval where id = $1
     union all select xmin::text from identifier where subject_id = $2`,
    [approval, await subjectOf('binh')],
  )
  expect(rows).toHaveLength(3)
  expect(new Set([...rows, ...events.slice(1)].map(({ tx }) => tx)).size).toBe(1)
  const told = JSON.stringify(events) + world.logLines.join('')
  for (const text of [numberOf('an'), numberOf('binh'), words.reason, words.evidence])
    expect(told).not.toContain(text)
})

test('a person who signed in with the new number before becomes one subject with the earlier one', async () => {
  const at = await openPortal()
  const first = await at.enter('chi')
  const second = await at.enter('dai')
  expect(second.claims.sub).not.toBe(first.claims.sub)
  const [kept, replaced] = [await subjectOf('chi'), await subjectOf('dai')]
  // A case that was dismissed for one number stays dismissed for the other; open cases stay open.
  await at.account('denied', 'dai', { attested: false })
  await at.account('asked', 'dai', { attested: false })
  await at.meet('dai')
  const cases = await at.cases()
  const [denied, asked] = (await at.accounts()).map(({ account }) =>
    cases.find((found) => found.account === account),
  )
  await act('dismiss', denied!)
  const pending = await confirm(asked!)
  await at.account('denied', 'dai')

  await rekey('chi', 'dai')
  const [row] = await db.query(
    'select disabled_at is not null as disabled, replaced_by from subject where id = $1',
    [replaced],
  )
  expect(row).toEqual({ disabled: true, replaced_by: kept })
  const after = await at.enter('dai')
  expect(after.claims.sub).toBe(first.claims.sub)
  expect(await at.meet('dai')).toEqual([])
  expect(await at.question()).toMatchObject({ id: asked!.id, subject: kept })
  await approve(pending)
  expect(await at.meet('dai')).toEqual(['asked'])
  await expect(at.enter('chi')).rejects.toMatchObject(cancelled)
  // Tokens of the second subject become invalid within a minute.
  vi.setSystemTime(Date.now() + 61_000)
  await expect(at.portal.userinfo(second.tokens.access_token)).rejects.toMatchObject({ status: 401 })
})

test('a second subject with links is not replaced before its links are ended', async () => {
  const at = await openPortal()
  await at.enter('giang')
  await at.account('old-1', 'hoa')
  await at.meet('hoa')
  const approval = await move('giang', 'hoa')
  expect(await refusal(approve(approval))).toMatchObject({
    status: 409,
    code: 'state_conflict',
    detail: 'the second subject with the new number has links; end them first',
  })
  // Nothing was changed, and the approval is still open.
  expect(await at.meet('hoa')).toEqual(['old-1'])
  await at.enter('giang')
  await end(at)
  await approve(approval)
  expect((await at.enter('hoa')).claims.sub).toBeDefined()
  expect(await subjectOf('hoa')).toBe(await subjectOf('giang'))
  await approve(await confirm(await at.question()))
  expect(await at.meet('hoa')).toEqual(['old-1'])
})

test('an impossible move is refused: to the same number, from or to a cancelled one, from an unknown one', async () => {
  const at = await openPortal()
  await at.enter('khoi')
  const code = async (from: string, to: string) => (await refusal(move(from, to)))?.code
  expect(await code('khoi', 'khoi')).toBe('input_invalid')
  expect(await code('yen', 'khoi')).toBe('input_invalid')
  await rekey('khoi', 'loan')
  expect(await code('khoi', 'yen')).toBe('state_conflict')
  const back = await move('loan', 'khoi')
  expect(await refusal(approve(back))).toMatchObject({ detail: 'the new number is itself cancelled' })
  await two.call('POST', `/v1/approvals/${back}/decline`)
  for (const body of [
    { old_number: numberOf('loan'), new_number: 'NN-99990009', ...words },
    { old_number: numberOf('loan'), new_number: ` ${numberOf('yen')}`, ...words },
    { old_number: numberOf('loan'), new_number: numberOf('yen'), ...words, evidence: numberOf('yen') },
  ]) {
    const error = await refusal(one.call('POST', '/v1/citizens/rekey', body))
    expect(error).toMatchObject({ status: 400, code: 'input_invalid' })
    for (const value of Object.values(body)) expect(error!.message).not.toContain(value)
  }
  const open = await move('loan', 'yen')
  expect(await refusal(move('loan', 'xuan', two))).toMatchObject({
    detail: 'an open approval for this exists already',
  })
  await one.call('POST', `/v1/approvals/${open}/decline`)
  // A number that a person got by such an approval cannot be taken away by another approval.
  await at.enter('xuan')
  expect(await refusal(rekey('xuan', 'loan'))).toMatchObject({
    detail: 'the new number belongs to another person, who had another number before',
  })
  await at.enter('loan')
})

test('an operator’s old number must first be changed by security officers; the approver sees whose the new number is', async () => {
  await freed('an', 'binh')
  const at = await openPortal()
  await at.enter('an')
  const subject = await subjectOf('an')
  const bind = (citizen: string) => ({
    type: 'citizen_id' as const,
    keys: world.citizenKeysOf(numberOf(citizen)),
  })
  const asked = await move('an', 'binh')
  await createOperator(
    { db, log: createLog({ level: 'silent' }), actor: 'local' },
    { id: 'an.x', roles: ['viewer'], citizen: bind('an') },
  )
  expect(await refusal(approve(asked))).toMatchObject({ code: 'state_conflict' })
  expect(await refusal(move('an', 'binh'))).toMatchObject({ code: 'state_conflict' })
  await db.query(`update operator_citizen_key set key = $1 where operator_id = 'an.x'`, bind('binh').keys)
  const { approvals } = await two.call<{ approvals: { id: string }[] }>('GET', '/v1/approvals')
  expect(approvals.find(({ id }) => id === asked)).toMatchObject({ asks: { operator: 'an.x' } })
  await approve(asked)
  const [event] = await db.query<{ detail: object }>(
    `select detail from audit_event where event = 'subject.rekeyed' and subject_id = $1 order by id desc limit 1`,
    [subject],
  )
  expect(event!.detail).toMatchObject({ operator: 'an.x' })
})
