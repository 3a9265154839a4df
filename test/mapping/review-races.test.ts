/** Acts at the same time on real connections: whichever comes first, the account ends in one state and shows it. */
import { expect, test } from 'vitest'
import { openOffice, refusal } from '../support/operators/officers.ts'

const office = await openOffice()
const { world, one, two, openPortal, doubt, confirm, act, approve, ask, end, linksOf, subjectOf } = office
/** PGlite runs one transaction after the other, so one round is enough. `RACE_ROUNDS` sets more for a server. */
const rounds = world.config.database.url.startsWith('embedded:') ? 1 : Number(process.env.RACE_ROUNDS ?? 2)

test('ten simultaneous approvals by two people, of whom one asked, make exactly one link', async () => {
  for (let round = 0; round < rounds; round++) {
    const { at, question } = await doubt('chi')
    const approval = await confirm(question)
    const outcomes = await Promise.all(
      [one, two, one, two, one, two, one, two, one, two].map((by) => refusal(approve(approval, by))),
    )
    const codes = outcomes.map((error) => error?.code ?? 'done')
    expect(codes.filter((code) => code === 'done')).toHaveLength(1)
    expect(codes.filter((_, index) => index % 2 === 0)).toEqual(Array(5).fill('second_person_needed'))
    expect(codes.filter((code) => code === 'case_gone')).toHaveLength(4)
    expect(await linksOf(at)).toMatchObject([{ active: true, method: 'operators' }])
  }
})

test('a simultaneous end and approval leave the account with one person, or with none and a case', async () => {
  for (let round = 0; round < rounds; round++) {
    const at = await openPortal()
    await at.account('old-1', 'an')
    await at.meet('an')
    await at.meet('binh')
    const [{ account } = { account: '' }] = await at.accounts()
    await ask(account, 'binh')
    const approval = await confirm(await at.question())
    const [ended, approved] = await Promise.all([refusal(end(at)), refusal(approve(approval))])
    expect(ended).toBeUndefined()
    expect([undefined, 'state_conflict']).toContain(approved?.code)
    const holder = approved === undefined ? await subjectOf('binh') : null
    expect(await at.accounts()).toMatchObject([{ subject: holder }])
    expect(await at.meet('an')).toEqual([])
  }
})

test('of two simultaneous approvals for one account exactly one is executed', async () => {
  for (let round = 0; round < rounds; round++) {
    const { at, question } = await doubt('an')
    await at.meet('binh')
    const other = { ...question, id: await ask(question.account, 'binh') }
    const asked = [await confirm(question), await confirm(other)]
    const outcomes = await Promise.all(asked.map((approval) => refusal(approve(approval))))
    expect(outcomes.filter((error) => error === undefined)).toHaveLength(1)
    expect(outcomes.find((error) => error !== undefined)).toMatchObject({ status: 409 })
    const winner = await subjectOf(outcomes[0] === undefined ? 'an' : 'binh')
    expect(await at.accounts()).toMatchObject([{ state: 'linked', subject: winner }])
    expect(await at.cases()).toEqual([])
    const { approvals: left } = await one.call<{ approvals: { id: string }[] }>('GET', '/v1/approvals')
    expect(left.filter(({ id }) => asked.includes(id))).toEqual([])
  }
})

test('after simultaneous approval, dismissal and logins the account is linked or open, and its state agrees', async () => {
  for (let round = 0; round < rounds; round++) {
    const { at, question } = await doubt('thao')
    const approval = await confirm(question)
    const [approved, dismissed] = await Promise.all([
      refusal(approve(approval)),
      refusal(act('dismiss', question)),
      ...Array.from({ length: 3 }, () => at.enter('thao')),
    ])
    expect([approved, dismissed].filter((error) => error === undefined)).toHaveLength(1)
    expect(await at.accounts()).toMatchObject([{ state: approved === undefined ? 'linked' : 'open' }])
    expect(await at.meet('thao')).toEqual(approved === undefined ? ['old-1'] : [])
  }
})
