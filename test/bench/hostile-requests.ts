/** The heaviest requests that a caller without any proof may send, and one connection that repeats them. */
import http from 'node:http'
import type { Target } from './browser.ts'

export interface Attack {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Whether the attacker follows the redirect that the answer gives. */
  readonly follows?: boolean
}

export function attacksOn({ issuer, clientId, redirectUri }: Target): Attack[] {
  const request = {
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid profile',
    state: 's',
    nonce: 'n',
    code_challenge: 'a'.repeat(43),
    code_challenge_method: 'S256',
  }
  const text = (more: Record<string, string>) => new URLSearchParams({ ...request, ...more }).toString()
  /** Fills up to 100 parameters of `length` characters each. */
  const filled = (length: number) =>
    text(Object.fromEntries(Array.from({ length: 92 }, (_, index) => [`p${index}`, 'x'.repeat(length)])))
  const words = (count: number) => Array.from({ length: count }, (_, index) => index.toString(36)).join(' ')
  const claims = (count: number) =>
    JSON.stringify({
      id_token: Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, null])),
    })
  const form = (path: string, body: string): Attack => ({
    name: `POST ${path}, ${Math.round(body.length / 1000)} kB`,
    method: 'POST',
    url: `${issuer}${path}`,
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    follows: path === '/auth',
  })
  const get = (name: string, path: string, query: string): Attack => ({
    name: `GET ${path}, ${name}`,
    method: 'GET',
    url: `${issuer}${path}?${query}`,
  })
  return [
    get('7,000 parameters', '/auth', 'a&'.repeat(7_000)),
    get('100 parameters, 7 kB', '/auth', filled(70)),
    get('a login that is abandoned', '/auth', text({})),
    get('1,500 scopes', '/auth', text({ scope: `openid ${words(1_500)}` })),
    get('300 claims', '/auth', text({ claims: claims(300) })),
    get('1,500 languages', '/session/end', `ui_locales=${encodeURIComponent(words(1_500))}`),
    get('an unknown state', '/callback', `state=${'s'.repeat(14_000)}&code=x`),
    form('/auth', filled(330)),
    form('/token', `grant_type=authorization_code&client_id=${clientId}&code=${'c'.repeat(55_000)}`),
    form('/session/end', `id_token_hint=${'h'.repeat(31_000)}`),
  ]
}

/** @returns `stop` ends the connection, and gives the number of requests that it has sent */
export function openAttacker(attack: Attack): { stop(): Promise<number> } {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  let sent = 0
  const end = new AbortController()
  async function repeat() {
    while (!end.signal.aborted) {
      const { location } = await send(attack, attack.url, agent)
      sent++
      if (attack.follows === true && location !== undefined) {
        await send(
          { ...attack, method: 'GET', body: '', headers: {} },
          new URL(location, attack.url).href,
          agent,
        )
        sent++
      }
    }
  }
  const done = repeat()
  return {
    async stop() {
      end.abort()
      await done
      agent.destroy()
      return sent
    },
  }
}

function send({ method, body, headers }: Attack, url: string, agent: http.Agent) {
  return new Promise<{ location: string | undefined }>((resolve, reject) => {
    const length = body ? { 'content-length': String(body.length) } : {}
    const request = http.request(url, { agent, method, headers: { ...headers, ...length } }, (response) => {
      response.resume()
      response.on('error', reject)
      response.on('end', () => resolve({ location: response.headers.location }))
    })
    request.on('error', reject)
    request.end(body)
  })
}
