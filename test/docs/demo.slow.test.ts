/** Runs `npm run demo -- --once` as a newcomer would, in a separate process and over real HTTP. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { classNames } from '../../src/mapping/classes.ts'
import { exampleFiles, laterFile, readExamples } from '../../src/sandbox/examples.ts'

const run = promisify(execFile)
/** Every number in the example files. */
const madeUpNumbers = [...exampleFiles, laterFile].flatMap(({ url }) =>
  [...readFileSync(url, 'utf8').matchAll(/\b\d{3} ?\d{3} ?\d{3}(?: ?\d{2,3})?\b/g)].map(([found]) =>
    found.replaceAll(' ', ''),
  ),
)

/** The demo wraps its lines, so any white space matches a space. */
const wrapped = (sentence: string) => sentence.split(' ').join(String.raw`\s+`)

test(
  'the demo plays imports, a day, a vouched link, approvals and a new number, and ends without an error',
  { timeout: 180_000 },
  async () => {
    const { stdout, stderr } = await run(process.execPath, ['src/sandbox/demo/main.ts', '--once'], {
      env: { PATH: process.env['PATH'], DEMO_PORTS: 'free' },
    })
    expect(stderr).toBe('')
    for (const line of [
      'The browser went portal one → broker → VNeID → broker → portal one, and nowhere else.',
      'Portal one greets Nguyễn Văn An, mức độ 02.',
      'This one login linked all three old accounts with an attested number to the citizen.',
      'Accounts are stored as ciphertext',
      'VNeID was not called again',
      'Portal two has ended its session too',
      'The citizen presses “Liên kết tài khoản”, and the portal gets the outcome: linked.',
      'by law its accounts were locked on 1/7/2024',
      'cannot approve it alone: second_person_needed',
      'One officer can end any link.',
      'she keeps her sub and her account giang.dinh',
      `The example files have now shown all ${classNames.length} classes of the import’s checks.`,
      'With its own access token',
      'Every step passed.',
    ]) {
      expect(stdout).toMatch(new RegExp(wrapped(line).replaceAll('.', String.raw`\.`)))
    }
    for (const name of classNames) expect(stdout).toMatch(new RegExp(String.raw`\b${name}\b`))
    for (const number of madeUpNumbers) expect(stdout).not.toContain(number)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(125)
  },
)

test('a demo that cannot start says why and exits with an error', async () => {
  const wrong = run(process.execPath, ['src/sandbox/demo/main.ts', '--twice'], { env: {} })
  await expect(wrong).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^\nThe demo failed: .*'--twice'/) as string,
  })
})

test('the registry accepts the example portals, and each has its own file', async () => {
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

test('the example files name no person who could exist: every number is in the made-up range', () => {
  expect(madeUpNumbers.length).toBeGreaterThan(20)
  for (const number of madeUpNumbers) expect(number).toMatch(/^(\d{5,6}9999\d\d|9999\d{5})$/)
})
