/** The client side of a login: a citizen's browser and the portal's server, over kept connections, with as little work as possible. */
import { hash, randomBytes } from 'node:crypto'
import http from 'node:http'

export interface Target {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** The portal's URL, on which nothing listens. */
  readonly redirectUri: string
  readonly scope: string
}

interface Answer {
  readonly status: number
  readonly location: string | undefined
  readonly cookies: readonly string[]
  readonly body: string
}

const agent = new http.Agent({ keepAlive: true, timeout: 4_000, scheduling: 'lifo' })

/** One complete login of a citizen in a new browser: authorize → VNeID → callback → code → token → userinfo. */
export async function logIn(target: Target, citizen: string): Promise<void> {
  const [state, nonce, verifier] = [16, 16, 32].map((size) => randomBytes(size).toString('base64url'))
  const jar = new Map<string, { value: string; path: string }>()
  const request = new URLSearchParams({
    client_id: target.clientId,
    redirect_uri: target.redirectUri,
    response_type: 'code',
    scope: target.scope,
    state: state!,
    nonce: nonce!,
    code_challenge: hash('sha256', verifier!, 'base64url'),
    code_challenge_method: 'S256',
  })
  let url = `${target.issuer}/auth?${request.toString()}`
  while (!url.startsWith(`${target.redirectUri}?`)) {
    const ours = url.startsWith(target.issuer)
    const answer = ours ? await browse(url, jar) : await approveAtVneid(url, citizen)
    if (answer.location === undefined)
      throw new Error(`stopped at ${url.split('?')[0]}: ${answer.status} ${answer.body}`)
    url = new URL(answer.location, url).href
  }

  const back = new URL(url).searchParams
  if (back.get('state') !== state) throw new Error(`not our state: ${url}`)
  const tokens = await json(`${target.issuer}/token`, {
    headers: { authorization: `Basic ${btoa(`${target.clientId}:${target.clientSecret}`)}` },
    form: {
      grant_type: 'authorization_code',
      code: back.get('code') ?? '',
      redirect_uri: target.redirectUri,
      code_verifier: verifier!,
    },
  })
  const said = JSON.parse(
    atob(tokens['id_token']!.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')),
  ) as {
    sub: string
    nonce: string
  }
  const person = await json(`${target.issuer}/me`, {
    headers: { authorization: `Bearer ${tokens['access_token']}` },
  })
  if (said.nonce !== nonce || person['sub'] !== said.sub)
    throw new Error('the ID token or userinfo is of another login')
}

async function browse(url: string, jar: Map<string, { value: string; path: string }>): Promise<Answer> {
  const { pathname } = new URL(url)
  const cookie = [...jar]
    .filter(([, { path }]) => pathname.startsWith(path))
    .map(([name, { value }]) => `${name}=${value}`)
  const answer = await send(url, {
    headers: { accept: 'text/html', ...(cookie.length > 0 && { cookie: cookie.join('; ') }) },
  })
  for (const line of answer.cookies) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (value === '' || line.includes('01 Jan 1970')) jar.delete(name)
    else jar.set(name, { value, path: /; path=([^;]+)/i.exec(line)?.[1] ?? '/' })
  }
  return answer
}

/** Answers all screens of the simulator in one request. */
function approveAtVneid(url: string, citizen: string): Promise<Answer> {
  return send(url, { form: { citizen, agreed: 'yes', passcode: '123456' } })
}

async function json(url: string, request: Parameters<typeof send>[1]): Promise<Record<string, string>> {
  const { status, body } = await send(url, request)
  if (status !== 200) throw new Error(`${url}: ${status} ${body}`)
  return JSON.parse(body) as Record<string, string>
}

function send(
  url: string,
  { headers = {}, form }: { headers?: Record<string, string>; form?: Record<string, string> },
): Promise<Answer> {
  const body = form && new URLSearchParams(form).toString()
  const posted = body && {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': body.length,
  }
  return new Promise((resolve, reject) => {
    const options = { agent, method: body ? 'POST' : 'GET', headers: { ...headers, ...posted } }
    const request = http.request(url, options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => void (text += chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { location, 'set-cookie': cookies = [] } = response.headers
        resolve({ status: response.statusCode ?? 0, location, cookies, body: text })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** A closed loop: each of `width` browsers starts the next login when its last one has ended. @returns milliseconds each */
export async function logInMany(
  target: Target,
  { logins, width, citizens }: { logins: number; width: number; citizens: readonly string[] },
): Promise<{ seconds: number; latencies: number[] }> {
  const latencies: number[] = []
  let begun = 0
  const start = performance.now()
  const browser = async () => {
    while (begun < logins) {
      const citizen = citizens[begun++ % citizens.length]!
      const from = performance.now()
      await logIn(target, citizen)
      latencies.push(performance.now() - from)
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, logins) }, browser))
  return { seconds: (performance.now() - start) / 1000, latencies }
}
