/** A person moves to a new number while another request signs in, moves or links a person. */
import { expect, test } from 'vitest'
import { numberOf, openOffice, refusal, words } from '../support/operators/officers.ts'

const office = await openOffice()
const { world, db, one, two, openPortal, approve, confirm, ask, subjectOf } = office
/** PGlite runs one transaction after the other, so one round is enough. `RACE_ROUNDS` sets more for a server. */
const rounds = world.config.database.url.startsWith('embedded:') ? 1 : Number(process.env.RACE_ROUNDS ?? 2)

async function move(from: string, to: string, by = one): Promise<string> {
  const body = { old_number: numberOf(from), new_number: numberOf(to), ...words }
  return (await by.call<{ approval: string }>('POST', '/v1/citizens/rekey', body)).approval
}
/** Deletes the people of an earlier round, because a cancelled number is refused permanently. */
async function freed(...citizens: string[]): Promise<void> {
  const keys = citizens.flatMap((citizen) => world.citizenKeysOf(numberOf(citizen)))
  await db.query('delete from identifier_key where key = any($1::bytea[])', [keys])
}
const cancelled = {
  error: 'access_denied',
  error_description: expect.stringContaining('identifier_cancelled'),
}

test('a login with the old number at the time of the move is linked before it, or refused after it', async () => {
  for (let round = 0; round < rounds; round++) {
    await freed('thao', 'uyen')
    const at = await openPortal()
    await at.enter('thao')
    const subject = await subjectOf('thao')
    await at.account('old-1', 'thao')
    const approval = await move('thao', 'uyen')
    const [moved, ...logins] = await Promise.allSettled([
      approve(approval),
      ...Array.from({ length: 4 }, () => at.enter('thao')),
    ])
    expect(moved).toMatchObject({ status: 'fulfilled' })
    const refused = logins.filter((login) => login.status === 'rejected')
    expect(refused.map((login) => login.reason as unknown)).toEqual(
      refused.map(() => expect.objectContaining(cancelled)),
    )
    const [account] = await at.accounts()
    const cases = (await at.cases()).map(({ reason, subject: whose }) => ({ reason, subject: whose }))
    expect([account!.state, account!.subject, cases]).toEqual(
      account!.state === 'linked'
        ? ['linked', subject, []]
        : ['in_review', null, [{ reason: 'number_cancelled', subject }]],
    )
    await expect(at.enter('thao')).rejects.toMatchObject(cancelled)
    expect(await at.meet('uyen')).toEqual(account!.state === 'linked' ? ['old-1'] : [])
    expect(await subjectOf('uyen')).toBe(subject)
  }
})

test('first logins with the new number at the time of the move end with one person', async () => {
  for (let round = 0; round < rounds; round++) {
    await freed('thao', 'vinh')
    const at = await openPortal()
    const { sub } = (await at.enter('thao')).claims
    const approval = await move('thao', 'vinh')
    const [moved] = await Promise.allSettled([
      approve(approval),
      ...Array.from({ length: 4 }, () => at.enter('vinh')),
    ])
    expect(moved).toMatchObject({ status: 'fulfilled' })
    expect((await at.enter('vinh')).claims.sub).toBe(sub)
    await expect(at.enter('thao')).rejects.toMatchObject(cancelled)
  }
})

test('of two simultaneous moves to one number one succeeds, and its person is not replaced by the other', async () => {
  for (let round = 0; round < rounds; round++) {
    await freed('thao', 'vinh', 'yen')
    const at = await openPortal()
    await at.enter('thao')
    await at.enter('vinh')
    const people = [await subjectOf('thao'), await subjectOf('vinh')]
    const asked = [await move('thao', 'yen'), await move('vinh', 'yen', two)]
    const outcomes = await Promise.all([refusal(approve(asked[0]!)), refusal(approve(asked[1]!, one))])
    expect(outcomes.filter((error) => error === undefined)).toHaveLength(1)
    expect(outcomes.find((error) => error !== undefined)).toMatchObject({ code: 'state_conflict' })
    expect(await subjectOf('yen')).toBe(people[outcomes[0] === undefined ? 0 : 1])
    const left = outcomes[0] === undefined ? 1 : 0
    await one.call('POST', `/v1/approvals/${asked[left]}/decline`)
    const [row] = await db.query<{ disabled: boolean }>(
      'select disabled_at is not null as disabled from subject where id = $1',
      [people[left]],
    )
    expect(row).toEqual({ disabled: false })
  }
})

test('a link by hand to a person who is replaced at the same time never leaves a link without a person', async () => {
  for (let round = 0; round < rounds; round++) {
    await freed('thao', 'vinh')
    const at = await openPortal()
    await at.account('old-1', 'kien')
    await at.enter('thao')
    await at.enter('vinh')
    const [first, second] = [await subjectOf('thao'), await subjectOf('vinh')]
    const [{ account } = { account: '' }] = await at.accounts()
    await ask(account, 'vinh')
    const link = await confirm(await at.question())
    const approval = await move('thao', 'vinh')
    const [linked, moved] = await Promise.all([refusal(approve(link)), refusal(approve(approval))])
    expect([linked, moved].filter((error) => error === undefined).length).toBeGreaterThan(0)
    const [row] = await at.accounts()
    // After the link the move is refused until the link ends; after the move the link is the remaining person's, or none.
    expect(moved === undefined ? [first, null] : [second]).toContain(row!.subject)
    if (moved !== undefined) await one.call('POST', `/v1/approvals/${approval}/decline`)
    const nobodys = await db.query(
      `select 1 from account_link l join subject s on s.id = l.subject_id
       where l.unlinked_at is null and s.disabled_at is not null`,
    )
    expect(nobodys).toEqual([])
  }
})

test('of a replacement of a person and a move of the same person at once exactly one happens', async () => {
  for (let round = 0; round < rounds; round++) {
    await freed('thao', 'vinh', 'yen')
    const at = await openPortal()
    await at.enter('thao')
    await at.enter('vinh')
    const [first, second] = [await subjectOf('thao'), await subjectOf('vinh')]
    const [replacing, leaving] = [await move('thao', 'vinh'), await move('vinh', 'yen')]
    const [replaced, left] = await Promise.all([refusal(approve(replacing)), refusal(approve(leaving))])
    expect([replaced, left].filter((error) => error === undefined)).toHaveLength(1)
    expect((replaced ?? left)?.status).toBe(409)
    expect(await subjectOf(replaced === undefined ? 'vinh' : 'yen')).toBe(
      replaced === undefined ? first : second,
    )
    if (replaced !== undefined) await one.call('POST', `/v1/approvals/${replacing}/decline`)
    const { approvals } = await one.call<{ approvals: { kind: string }[] }>('GET', '/v1/approvals')
    expect(approvals.filter(({ kind }) => kind === 'subject.rekey')).toEqual([])
  }
})
