/** `npm run demo -- --once`, as a newcomer runs it: a process of its own, over real HTTP. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { classNames } from '../../src/mapping/classes.ts'
import { exampleFiles, laterFile, readExamples } from '../../src/sandbox/examples.ts'

const run = promisify(execFile)
/** All that stand in the example files. */
const madeUpNumbers = [...exampleFiles, laterFile].flatMap(({ url }) =>
  [...readFileSync(url, 'utf8').matchAll(/\b\d{3} ?\d{3} ?\d{3}(?: ?\d{2,3})?\b/g)].map(([found]) =>
    found.replaceAll(' ', ''),
  ),
)

/** As the demo prints it. */
const told = (sentence: string) => sentence.split(' ').join(String.raw`\s+`)

test(
  'the demo plays imports, a day, a vouched link, approvals and a new number, and ends well',
  { timeout: 180_000 },
  async () => {
    const { stdout, stderr } = await run(process.execPath, ['src/sandbox/demo/main.ts', '--once'], {
      env: { PATH: process.env['PATH'], DEMO_PORTS: 'free' },
    })
    expect(stderr).toBe('')
    for (const line of [
      'The browser went portal one → broker → VNeID → broker → portal one, and nowhere else.',
      'Portal one greets Nguyễn Văn An, mức độ 02.',
      'All three old accounts with an attested number became the citizen’s in this one login.',
      'What is stored of an account is ciphertext',
      'VNeID was not asked again',
      'Portal two, asked again, no longer knows the browser',
      'He presses “Liên kết tài khoản”, and the portal hears: linked.',
      'by law its accounts locked on 1/7/2024',
      'cannot approve it alone: second_person_needed',
      'Any link can be taken back, by one officer',
      'she keeps her sub and her account giang.dinh',
      `All ${classNames.length} classes that cleaning knows have turned up by now.`,
      'With a token of its own',
      'Every step held.',
    ]) {
      expect(stdout).toMatch(new RegExp(told(line).replaceAll('.', String.raw`\.`)))
    }
    for (const name of classNames) expect(stdout).toMatch(new RegExp(String.raw`\b${name}\b`))
    for (const number of madeUpNumbers) expect(stdout).not.toContain(number)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(125)
  },
)

test('a demo that cannot start says why and does not pretend', async () => {
  const wrong = run(process.execPath, ['src/sandbox/demo/main.ts', '--twice'], { env: {} })
  await expect(wrong).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^\nThe demo failed: .*'--twice'/) as string,
  })
})

test('the example portals are what the registry accepts, each with a file of its own', async () => {
  const clients = await readExamples({ 'http://127.0.0.1:4001': 'http://127.0.0.1:5001' })
  expect(clients.map(({ token_endpoint_auth_method: method }) => method)).toEqual([
    'client_secret_basic',
    'private_key_jwt',
    'client_secret_basic',
  ])
  expect(clients[0]?.redirect_uris).toEqual(['http://127.0.0.1:5001/callback'])
  expect(clients[1]?.redirect_uris).toEqual(['http://127.0.0.1:4002/callback'])
  expect(exampleFiles.map(({ clientId }) => clientId)).toEqual(clients.map(({ client_id: id }) => id))
})

test('the example files name nobody who could exist: every number is of the made-up range', () => {
  expect(madeUpNumbers.length).toBeGreaterThan(20)
  for (const number of madeUpNumbers) expect(number).toMatch(/^(\d{5,6}9999\d\d|9999\d{5})$/)
})
