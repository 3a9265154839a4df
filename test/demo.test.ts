/** `npm run demo -- --once`, as a newcomer runs it: a process of its own, over real HTTP. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { citizenNamed } from '../src/sandbox/citizens.ts'
import { readExamples } from '../src/sandbox/examples.ts'

const run = promisify(execFile)

test(
  'the demo plays a login, single sign-on and one logout for all, and ends well',
  { timeout: 120_000 },
  async () => {
    const { stdout, stderr } = await run(process.execPath, ['src/sandbox/demo.ts', '--once'], {
      env: { PATH: process.env['PATH'], DEMO_PORTS: 'free' },
    })
    expect(stderr).toBe('')
    for (const line of [
      'The browser went portal one → broker → VNeID → broker → portal one, and nowhere else.',
      'Portal one greets Nguyễn Văn An, mức độ 02.',
      'Both accounts with an attested number were linked to one and the same subject.',
      'The stored number is ciphertext',
      'VNeID was not asked again',
      'Portal two, asked again, no longer knows the browser',
      'Every step held.',
    ]) {
      expect(stdout).toContain(line)
    }
    expect(stdout).not.toContain(citizenNamed('an').number)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(110)
  },
)

test('a demo that cannot start says why and does not pretend', async () => {
  const wrong = run(process.execPath, ['src/sandbox/demo.ts', '--twice'], { env: {} })
  await expect(wrong).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^\nThe demo failed: .*'--twice'/) as string,
  })
})

test('the example portals and legacy accounts are what the registry and the table accept', () => {
  const { clients, accounts } = readExamples({ 'http://127.0.0.1:4001': 'http://127.0.0.1:5001' })
  expect(clients.map(({ token_endpoint_auth_method: method }) => method)).toEqual([
    'client_secret_basic',
    'private_key_jwt',
    'client_secret_basic',
  ])
  expect(clients[0]?.redirect_uris).toEqual(['http://127.0.0.1:5001/callback'])
  expect(clients[1]?.redirect_uris).toEqual(['http://127.0.0.1:4002/callback'])
  const ids = new Set(clients.map(({ client_id: id }) => id))
  expect(accounts.every(({ client_id: id }) => ids.has(id))).toBe(true)
})
