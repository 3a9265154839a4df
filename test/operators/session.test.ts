/** A person's sign-in on the command line continues if the issuer is busy for a moment. */
import { mkdtempSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createOperatorSession } from '../../src/cli/session.ts'

/** An issuer whose token endpoint gives these answers in order, and then repeats the last; 0 closes the connection. */
async function openIssuer(answers: readonly { status: number; body: object }[], { life = 60 } = {}) {
  const left = [...answers]
  const asked: number[] = []
  const server = createServer((request, response) => {
    if (request.url === '/token') {
      asked.push(Date.now())
      const { status, body } = left.length > 1 ? left.shift()! : left[0]!
      return status === 0 ? void request.socket.destroy() : send(response, status, body)
    }
    if (request.url === '/device/auth') return send(response, 200, device)
    return send(response, 200, {
      issuer,
      token_endpoint: `${issuer}/token`,
      device_authorization_endpoint: `${issuer}/device/auth`,
      revocation_endpoint: `${issuer}/revocation`,
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const device = {
    device_code: 'd',
    user_code: 'BCD-FGH-JKL',
    verification_uri: `${issuer}/device`,
    verification_uri_complete: `${issuer}/device?user_code=BCD-FGH-JKL`,
    expires_in: life,
    interval: 5,
  }
  const folder = mkdtempSync(join(tmpdir(), 'operator-session-'))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'session.json')
  return { issuer, file, session: createOperatorSession(file), asked }
}
function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
const tokens = { access_token: 'new', refresh_token: 'next', token_type: 'Bearer', expires_in: 600 }
const ended = (issuer: string) =>
  JSON.stringify({ issuer, access_token: 'old', refresh_token: 'good once', expires_at: 0 })

test.each([
  ['busy', { status: 429, body: { error: 'temporarily_unavailable' } }],
  ['broken', { status: 503, body: {} }],
  ['away', { status: 0, body: {} }],
])('a renewal while the issuer is %s signs nobody out: the next one works', async (_, answer) => {
  const { issuer, file, session } = await openIssuer([answer, { status: 200, body: tokens }])
  writeFileSync(file, ended(issuer))
  await expect(session.token()).rejects.toThrow('try again')
  expect(readFileSync(file, 'utf8')).toContain('good once')
  expect(await session.token()).toBe('new')
})

test('a renewal that is refused signs out', async () => {
  const { issuer, file, session } = await openIssuer([{ status: 400, body: { error: 'invalid_grant' } }])
  writeFileSync(file, ended(issuer))
  await expect(session.token()).rejects.toThrow('not signed in')
  expect(existsSync(file)).toBe(false)
})

test('the command keeps polling while the issuer is busy, until the device code expires', async () => {
  const busy = { status: 429, body: {} }
  const away = { status: 0, body: {} }
  // The waits between polls are skipped; the code's expiry is real.
  vi.useFakeTimers({ toFake: ['setTimeout', 'Date'] })
  vi.setTimerTickMode('nextTimerAsync')
  onTestFinished(() => void vi.useRealTimers())
  const kind = await openIssuer([busy, away, { status: 200, body: tokens }])
  await kind.session.signIn(kind.issuer, () => {})
  expect(await kind.session.token()).toBe('new')
  const [first = 0, second = 0, third = 0] = kind.asked
  expect(second - first).toBeGreaterThanOrEqual(10_000)
  expect(third - second).toBeGreaterThanOrEqual(15_000)
  const gone = await openIssuer([busy], { life: 1 })
  await expect(gone.session.signIn(gone.issuer, () => {})).rejects.toThrow(
    'not signed in: the code has expired',
  )
})

test('a sign-in that the person declines says so', async () => {
  const body = { error: 'access_denied', error_description: 'the person declined' }
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  vi.setTimerTickMode('nextTimerAsync')
  onTestFinished(() => void vi.useRealTimers())
  const { issuer, file, session } = await openIssuer([{ status: 400, body }])
  await expect(session.signIn(issuer, () => {})).rejects.toThrow('not signed in: the person declined')
  expect(existsSync(file)).toBe(false)
})

test('an unreachable issuer and one that is not the broker have different messages', async () => {
  const { session, issuer } = await openIssuer([])
  await expect(session.signIn(`${issuer}/other`, () => {})).rejects.toThrow('/other is not the broker')
  await expect(session.signIn('http://127.0.0.1:9', () => {})).rejects.toThrow('does not answer')
})
