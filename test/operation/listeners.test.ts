/** Every listener, tested through a socket: accepted requests, headers of every answer, existing paths. */
import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createListener } from '../../src/http/listener.ts'
import { atEnd } from '../support/at-end.ts'
import { openWorld, portalDefinition, secretOf } from '../support/world.ts'

const world = await openWorld({ environment: { HEADERS_TIMEOUT: '1' } })
await world.register(portalDefinition('portal-a'))
const listeners = [
  { name: 'public', url: world.issuer, path: '/jwks', status: 200 },
  { name: 'operations', url: world.operationsUrl, path: '/health/live', status: 200 },
  { name: 'admin', url: world.adminUrl, path: '/v1/progress', status: 401 },
]

const open = async (url: string): Promise<Socket> => {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  atEnd(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}
/** Everything that arrives until the other side closes. */
const heard = async (socket: Socket): Promise<string> => {
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.on('error', () => {})
  await once(socket, 'close')
  return text
}
const statusOf = (text: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])
const say = async (url: string, text: string) => {
  const socket = await open(url)
  const answer = heard(socket)
  socket.write(text)
  return statusOf(await answer)
}

describe.each(listeners)('the $name listener', ({ url, path, status }) => {
  const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`
  const ask = (more: string) => say(url, `${head}${more}\r\n`)

  test('accepts usual headers, and refuses large headers and too many headers', async () => {
    expect(await ask(`X-A: ${'a'.repeat(8_000)}\r\n`)).toBe(status)
    expect(await ask(`X-A: ${'a'.repeat(17_000)}\r\n`)).toBe(431)
    expect(await ask(Array.from({ length: 60 }, (_, index) => `X-${index}: 1\r\n`).join(''))).toBe(status)
    expect(await ask(Array.from({ length: 150 }, (_, index) => `X-${index}: 1\r\n`).join(''))).toBe(431)
    expect(await say(url, `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`)).toBe(431)
  })

  test('answers input that is not HTTP with 400 and closes the connection', async () => {
    for (const text of [
      'nonsense\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ])
      expect(await say(url, text)).toBe(400)
  })
})

describe('late requests', () => {
  // At the same time: each of them waits for a timeout.
  test.concurrent.each(listeners)(
    'the $name listener does not wait for headers that do not come',
    async ({ url, path }) => {
      expect(await say(url, `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Slow: `)).toBe(408)
    },
  )

  test.concurrent('a listener does not wait longer than it is told to, for headers or for a body', async () => {
    const server = createListener(
      (request, response) => void request.on('end', () => response.end()).resume(),
      { headers: 0.3, request: 0.6 },
    )
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    atEnd(() => void server.close())
    const { port } = server.address() as { port: number }
    const url = `http://127.0.0.1:${port}`
    const [dribbled, body] = await Promise.all([
      (async () => {
        const socket = await open(url)
        const answer = heard(socket)
        socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
        const drip = setInterval(() => socket.write('X: y\r\n'), 200)
        return answer.finally(() => clearInterval(drip))
      })(),
      say(url, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc'),
    ])
    expect([statusOf(dribbled), body]).toEqual([408, 408])
  })
})

describe('a body that is too large', () => {
  const basic = `Basic ${Buffer.from(`portal-a:${secretOf('portal-a')}`).toString('base64')}`
  /** Sends chunks until the broker answers or has read 3 MB. @returns the status */
  const flood = async (url: string, path: string, type: string, headers = ''): Promise<number> => {
    const socket = await open(url)
    const answer = heard(socket)
    let status = NaN
    socket.on('data', (chunk: Buffer) => {
      status = Number.isNaN(status) ? statusOf(chunk.toString('latin1')) : status
      socket.destroy()
    })
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\n${headers}Content-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    const chunk = `4000\r\n${'a=b&'.repeat(4096)}\r\n`
    let sent = 0
    while (!socket.destroyed && sent < 3_000_000) {
      sent += 0x4000
      if (!socket.write(chunk))
        await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
    }
    if (!socket.destroyed) socket.write('0\r\n\r\n')
    await answer
    return status
  }
  const form = 'application/x-www-form-urlencoded'

  test.each([
    ['/token', form, 400],
    ['/request', form, 400],
    ['/token/introspection', form, 400],
    ['/token/revocation', form, 400],
    ['/me', form, 400],
    ['/auth', form, 413],
    ['/session/end', form, 413],
    ['/session/end/confirm', form, 400],
    ['/interaction/whatever', form, 404],
    ['/nothing', form, 404],
    ['/legacy-accounts/state', 'application/json', 401],
  ])('at %s is not taken in', { timeout: 20_000 }, async (path, type, status) => {
    const authorization = path.startsWith('/legacy') ? '' : `Authorization: ${basic}\r\n`
    expect(await flood(world.issuer, path, type, authorization)).toBe(status)
  })

  test('is also refused at the admin API', async () => {
    const operator = await world.operator('officer', ['mapping_officer'])
    const body = { citizen_id: '0'.repeat(100_000) }
    await expect(operator.call('POST', '/v1/accounts/search', body)).rejects.toMatchObject({ status: 413 })
  })
})

describe('headers of every answer', () => {
  const common = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'x-powered-by': null,
    server: null,
  }
  const table: {
    at: string
    url: string
    init?: RequestInit
    status: number
    policy: RegExp
    referrer: string
  }[] = [
    ...[
      '/',
      '/nothing',
      '/auth',
      '/callback',
      '/signed-out',
      '/interaction/x',
      '/session/end',
      '/jwks',
      '/me',
    ].flatMap((path) =>
      ['text/html', 'application/json'].map((accept) => ({
        at: `public ${path} as ${accept}`,
        url: `${world.issuer}${path}`,
        init: { headers: { accept } },
        status:
          { '/jwks': 200, '/me': 401, '/session/end': 303, '/signed-out': 303, '/': 404, '/nothing': 404 }[
            path
          ] ?? 400,
        policy: /default-src 'none'.*frame-ancestors 'none'/,
        referrer: 'same-origin',
      })),
    ),
    {
      at: 'public token',
      url: `${world.issuer}/token`,
      init: { method: 'POST', body: new URLSearchParams({ grant_type: 'x' }) },
      status: 400,
      policy: /default-src 'none'/,
      referrer: 'same-origin',
    },
    {
      at: 'public portal API',
      url: `${world.issuer}/legacy-accounts/changes`,
      status: 401,
      policy: /default-src 'none'/,
      referrer: 'same-origin',
    },
    ...['/v1/progress', '/nothing', '/'].map((path) => ({
      at: `admin ${path}`,
      url: `${world.adminUrl}${path}`,
      status: path === '/v1/progress' ? 401 : 404,
      policy: /default-src 'none'; frame-ancestors 'none'/,
      referrer: 'no-referrer',
    })),
    ...['/health/live', '/health/ready', '/metrics', '/nothing'].map((path) => ({
      at: `operations ${path}`,
      url: `${world.operationsUrl}${path}`,
      status: path === '/nothing' ? 404 : 200,
      policy: /default-src 'none'; frame-ancestors 'none'/,
      referrer: 'no-referrer',
    })),
  ]

  test.each(table)('$at', async ({ url, init, status, policy, referrer }) => {
    const answer = await fetch(url, { redirect: 'manual', ...init })
    const told = Object.fromEntries(Object.keys(common).map((name) => [name, answer.headers.get(name)]))
    expect({ status: answer.status, ...told }).toEqual({ status, ...common })
    expect(answer.headers.get('content-security-policy')).toMatch(policy)
    expect(answer.headers.get('referrer-policy')).toBe(referrer)
  })
})

test('metrics, health and the admin API are not on the public listener, nor each on the other', async () => {
  const admin = world.adminOperations.map(({ path }) => path.replaceAll(/:\w+/g, 'x'))
  const asked = [
    ...['/metrics', '/health/live', '/health/ready', ...admin].map((path) => `${world.issuer}${path}`),
    ...['/metrics', '/health/live', '/auth', '/jwks'].map((path) => `${world.adminUrl}${path}`),
    ...[...admin, '/auth', '/jwks'].map((path) => `${world.operationsUrl}${path}`),
  ]
  for (const url of new Set(asked))
    expect({ url, status: (await fetch(url)).status }).toEqual({ url, status: 404 })
})
