/** The operators' commands about accounts, cases and persons. */
import { expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { openOperator, runCommandLine } from '../support/operators/command-line.ts'
import { numberOf, openOffice } from '../support/operators/officers.ts'

const { world, doubt, openPortal, subjectOf } = await openOffice()
const officers = {
  one: await openOperator(world, 'the.first', ['mapping_officer']),
  two: await openOperator(world, 'the.second', ['mapping_officer']),
}
const run = (by: keyof typeof officers, args: readonly string[], input = '') =>
  runCommandLine(args, officers[by](), input)
/** Expects success. @returns the output */
async function done(by: keyof typeof officers, args: readonly string[], input?: string): Promise<string> {
  const { code, out, err } = await run(by, args, input)
  expect({ args, code, err }).toEqual({ args, code: 0, err: '' })
  return out
}
const last = (text: string) => text.trim().split(' ').at(-1)!

test('a case goes from the list to a link, and back, on the command line', async () => {
  const { name, birthDate, number } = citizenNamed('binh')
  const { at, question } = await doubt('binh', { name, birth_date: '1990' })
  const subject = (await subjectOf('binh'))!
  expect(await done('one', ['review', 'list', '--client', at.clientId])).toMatch(
    new RegExp(
      `^${question.id}  not_attested     portal-1 +account ${question.account} +\\d{4}-.* citizen\n$`,
    ),
  )
  const end3 = `\\*{9}${number.slice(-3)}`
  const shown = await done('one', ['review', 'show', question.id])
  expect(shown).toMatch(new RegExp(`number +${end3} +${end3} +agrees\n`))
  expect(shown).toMatch(new RegExp(`name +${name} +${name} +agrees\n`))
  expect(shown).toMatch(new RegExp(`birth date +1990 +${birthDate} +agrees\n`))

  const words = ['--reason', 'both were seen', '--evidence', 'the card itself']
  const approval = last(await done('one', ['review', 'confirm', question.id, ...words]))
  expect(await done('two', ['approval', 'list'])).toMatch(
    new RegExp(
      `^${approval}  account.link  by the.first .*\n  case: ${question.id}\n  client: portal-1\n  account: .*\n  subject: ${subject}\n  reason: both`,
    ),
  )
  expect((await run('one', ['approval', 'approve', approval])).err).toMatch(/^failed: second_person_needed/)
  expect(await done('two', ['approval', 'approve', approval])).toBe(`approved ${approval}\n`)

  const found = await done('one', ['legacy', 'find', '--client', at.clientId, '--account-id', '-'], 'old-1\n')
  expect(found).toMatch(
    new RegExp(`^account ${question.account}  portal-1  old-1  citizen  linked  ${end3}  never attested\n`),
  )
  const link = / {2}link (\S+) {2}subject \S+ {2}operators {2}since .* by the.second {2}active\n/.exec(
    found,
  )![1]!
  const reason = ['--reason', 'it was a mistake']
  expect(await done('two', ['link', 'end', question.account, link, ...reason])).toBe(`ended ${link}\n`)
  const unlinked = (await at.question()).id
  expect(await done('one', ['review', 'dismiss', unlinked, ...reason])).toBe(`dismissed ${unlinked}\n`)
  expect(await done('one', ['review', 'reopen', unlinked, ...reason])).toBe(`reopened ${unlinked}\n`)
  expect(await done('one', ['review', 'retire', unlinked, ...reason])).toBe(`retired ${unlinked}\n`)
  expect((await run('one', ['review', 'confirm', unlinked, ...words])).err).toMatch(/^failed: case_gone/)
  const history = await done('two', ['review', 'show', unlinked])
  expect(history).toContain('retired')
  expect(history).toMatch(/ended .* by the.second: it was a mistake/)
})

test('numbers are read from the standard input, and refused anywhere else', async () => {
  const at = await openPortal()
  await at.account('old-1', 'an')
  await at.meet('an')
  await at.meet('chi')
  const [{ account } = { account: '' }] = await at.accounts()
  expect(await done('one', ['legacy', 'find', '--citizen-id', '-'], numberOf('an'))).toContain(
    `account ${account} `,
  )
  expect(await done('one', ['legacy', 'find', '--cmnd', '-'], '012345678\n')).toBe('no account found\n')
  const ask = ['review', 'ask', account, '--reason', 'a request by telephone']
  expect(await done('one', [...ask, '--citizen-id', '-'], numberOf('chi'))).toMatch(/^opened case \S+\n$/)

  const words = ['--reason', 'a new card', '--evidence', 'the decision of the police']
  const approval = last(
    await done('one', ['citizen', 'rekey', ...words], `${numberOf('chi')}\n${numberOf('dai')}\n`),
  )
  const waiting = await done('two', ['approval', 'list'])
  expect(waiting).toMatch(/old_number: \*{9}\d{3}\n {2}new_number: \*{9}\d{3}\n/)
  expect(await done('two', ['approval', 'decline', approval])).toBe(`declined ${approval}\n`)
  for (const text of [waiting, world.logLines.join('')])
    for (const citizen of ['an', 'chi', 'dai']) expect(text).not.toContain(numberOf(citizen))

  for (const [args, input, complaint] of [
    [['legacy', 'find', '--citizen-id', numberOf('an')], '', '--citizen-id must be "-"'],
    [['legacy', 'find'], '', 'give exactly one of --citizen-id, --cmnd, --account-id'],
    [
      ['legacy', 'find', '--citizen-id', '-', '--cmnd', '-'],
      '',
      'give exactly one of --citizen-id, --cmnd, --account-id',
    ],
    [['legacy', 'find', '--citizen-id', '-'], '', 'the citizen id is expected on the standard input'],
    [['citizen', 'rekey', ...words], numberOf('chi'), 'the new number is expected on the standard input'],
    [ask, '', 'give exactly one of --citizen-id, --subject'],
    [['review', 'dismiss', crypto.randomUUID()], '', '--reason is missing'],
  ] as const) {
    const { code, err } = await run('one', args, input)
    expect({ args, code }).toEqual({ args, code: 2 })
    expect(err).toContain(complaint)
    expect(err).not.toContain(numberOf('an'))
  }
})
