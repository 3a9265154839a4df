/** Listens to every fetch of a test and records the secrets that pass: those of portals, browsers and our forgeries. */
import { afterAll, vi } from 'vitest'
import { takeTallies } from '../../src/telemetry/tally.ts'
import { closeAll } from './at-end.ts'
import { recordSecrets, startNextFile } from './record.ts'

afterAll(async () => {
  // The next file runs in the same process, and needs the real clock.
  vi.useRealTimers()
  startNextFile()
  try {
    await closeAll()
  } finally {
    // Counts that a closed world could not write would be written by the next one.
    takeTallies()
  }
})

const inBodies = ['access_token', 'refresh_token', 'id_token', 'client_secret', 'logout_token']
const inForms = [
  'code',
  'code_verifier',
  'client_secret',
  'refresh_token',
  'client_assertion',
  'token',
  'id_token_hint',
]

const tapped = Symbol.for('secrets are recorded')
const send = globalThis.fetch
if (!(tapped in send)) {
  globalThis.fetch = Object.assign(
    async (...[input, init]: Parameters<typeof fetch>): Promise<Response> => {
      if (init?.body instanceof URLSearchParams || typeof init?.body === 'string') {
        const form = new URLSearchParams(init.body)
        recordSecrets(inForms.map((name) => form.get(name)))
      }
      recordSecrets([new Headers(init?.headers).get('authorization')?.replace(/^\w+ /, '')])
      const response = await send(input, init)
      // The browser cookie has the form `id~portal`; only the id is a secret.
      recordSecrets(response.headers.getSetCookie().map((cookie) => /^[^=;]+=([^;~]*)/.exec(cookie)?.[1]))
      const location = URL.parse(response.headers.get('location') ?? '', response.url || undefined)
      recordSecrets([location?.searchParams.get('code')])
      if (response.headers.get('content-type')?.startsWith('application/json')) {
        const body = (await response
          .clone()
          .json()
          .catch(() => undefined)) as Record<string, unknown> | undefined
        recordSecrets(inBodies.map((name) => (typeof body?.[name] === 'string' ? body[name] : undefined)))
      }
      return response
    },
    { [tapped]: true },
  )
}
