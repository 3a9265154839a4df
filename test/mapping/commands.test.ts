/** What operators type about accounts, cases and persons, and what they read. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createOperator } from '../../src/operators/operators.ts'
import type { Role } from '../../src/vocabulary.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { numberOf, openOffice } from '../support/operators/officers.ts'
import { newNumber } from '../support/operators/operators.ts'
import { recordSecrets } from '../support/record.ts'

const { world, db, doubt, openPortal, subjectOf } = await openOffice()
const folder = mkdtempSync(join(tmpdir(), 'broker-mapping-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function keyFile(id: string, roles: readonly Role[]): Promise<string> {
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  await createOperator(
    { db, log: createLog({ level: 'silent' }), actor: 'local' },
    { id, roles, key: publicKey, citizen: { type: 'citizen_id', keys: world.citizenKeysOf(newNumber()) } },
  )
  const file = join(folder, id)
  writeFileSync(
    file,
    JSON.stringify({ operator: id, audience: world.config.admin.audience, key: privateKey }),
  )
  return file
}
const keys = {
  one: await keyFile('the.first', ['mapping_officer']),
  two: await keyFile('the.second', ['mapping_officer']),
}
const run = (by: keyof typeof keys, args: readonly string[], input = '') =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const env = { ADMIN_URL: world.adminUrl, OPERATOR_KEY_FILE: keys[by] }
    const child = execFile(process.execPath, ['src/cli/main.ts', ...args], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
    child.stdin!.end(input)
  })
/** It was done; what was said. */
async function done(by: keyof typeof keys, args: readonly string[], input?: string): Promise<string> {
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
}, 120_000)

test('numbers are read from the standard input, and refused anywhere else', async () => {
  const at = await openPortal()
  await at.account('old-1', 'an')
  await at.meet('an')
  await at.meet('chi')
  const [{ account } = { account: '' }] = await at.accounts()
  expect(await done('one', ['legacy', 'find', '--citizen-id', '-'], numberOf('an'))).toContain(
    `account ${account} `,
  )
  expect(await done('one', ['legacy', 'find', '--cmnd', '-'], '012345678\n')).toBe('none\n')
  const ask = ['review', 'ask', account, '--reason', 'he says so']
  expect(await done('one', [...ask, '--citizen-id', '-'], numberOf('chi'))).toMatch(/^asked: case \S+\n$/)

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
    [['legacy', 'find', '--citizen-id', numberOf('an')], '', '--citizen-id takes "-"'],
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
}, 120_000)
