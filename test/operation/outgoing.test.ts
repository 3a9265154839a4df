import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { createTransport, OutgoingError, parseNetworks } from '../../src/net/outgoing.ts'
import { isReachable } from '../../src/net/networks.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function serve(listener: RequestListener, host = '127.0.0.1') {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, url: `http://${host}:${(server.address() as AddressInfo).port}` }
}

const open = createTransport({ timeout: 2 })
const guarded = createTransport({ timeout: 2, allow: () => undefined })

test('a form arrives as a form, and the answer comes back with its status, headers and body', async () => {
  const { url } = await serve((request, response) => {
    response.setHeader('x-type', request.headers['content-type'] ?? '')
    void text(request).then((body) => response.writeHead(201).end(`${request.method} ${request.url} ${body}`))
  })
  const answer = await open(`${url}/a?b=c`, { method: 'POST', body: new URLSearchParams({ x: 'một + hai' }) })
  expect(answer.status).toBe(201)
  expect(answer.headers.get('x-type')).toMatch(/^application\/x-www-form-urlencoded/)
  expect(await answer.text()).toBe('POST /a?b=c x=m%E1%BB%99t+%2B+hai')
})

test('an answer without content is a response without a body', async () => {
  const { url } = await serve((_request, response) => response.writeHead(204).end())
  const answer = await open(url)
  expect([answer.status, answer.body]).toEqual([204, null])
})

test('a redirect is returned to the caller, never followed', async () => {
  let calls = 0
  const { url } = await serve((_request, response) => {
    calls += 1
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  expect((await open(url)).status).toBe(302)
  expect(calls).toBe(1)
})

test('a call to a peer that hangs ends at its timeout, before and after the headers', async () => {
  const { url } = await serve((request, response) => {
    if (request.url === '/late') response.writeHead(200).write('first')
  })
  const hasty = createTransport({ timeout: 0.2 })
  await expect(hasty(`${url}/never?code=secret`)).rejects.toMatchObject({
    kind: 'timeout',
    message: `timeout: ${url}/never`,
  })
  await expect(hasty(`${url}/late`)).rejects.toMatchObject({ kind: 'timeout' })
})

test('the caller can abort earlier', async () => {
  const { url } = await serve(() => {})
  await expect(open(url, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ kind: 'timeout' })
  await expect(open(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({ kind: 'timeout' })
})

test('an answer larger than the limit is refused', async () => {
  const { url } = await serve((_request, response) => response.end('x'.repeat(2000)))
  await expect(createTransport({ timeout: 2, maxBytes: 1999 })(url)).rejects.toMatchObject({
    kind: 'too_large',
  })
  expect(await (await createTransport({ timeout: 2, maxBytes: 2000 })(url)).text()).toHaveLength(2000)
})

test('a closed port, a cut answer and another protocol are network errors that name no query', async () => {
  const { url } = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('part')
    setTimeout(() => response.destroy(), 20)
  })
  await expect(open('http://127.0.0.1:1/x?token=secret')).rejects.toMatchObject({
    kind: 'network',
    message: 'network (ECONNREFUSED): http://127.0.0.1:1/x',
  })
  await expect(open(url)).rejects.toMatchObject({ kind: 'network' })
  await expect(open('file:///etc/passwd')).rejects.toBeInstanceOf(OutgoingError)
})

test('if the peer has closed a kept connection, the call is repeated once and succeeds', async () => {
  let calls = 0
  const { url } = await serve((request, response) => {
    calls += 1
    if (calls === 2) request.socket.resetAndDestroy()
    else response.end('ok')
  })
  const transport = createTransport({ timeout: 2 })
  await (await transport(url)).text()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(await (await transport(url)).text()).toBe('ok')
  expect(calls).toBe(3)
})

test('a call that runs out of time on a kept connection is not repeated', async () => {
  let calls = 0
  const { url } = await serve((_request, response) => {
    calls += 1
    if (calls === 1) response.end('ok')
  })
  const hasty = createTransport({ timeout: 0.2 })
  await (await hasty(url)).text()
  await expect(hasty(url, { method: 'POST', body: 'code' })).rejects.toMatchObject({ kind: 'timeout' })
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(calls).toBe(2)
})

test('an untrusted certificate is refused, and accepted if its own authority is configured', async () => {
  const server = createSecureServer(localhost, (_q, response) => response.end('ok'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  await expect(open(url)).rejects.toMatchObject({ kind: 'network' })
  const trusting = createTransport({ timeout: 2, ca: localhost.cert })
  expect(await (await trusting(url)).text()).toBe('ok')
  // The right authority for another name is not enough.
  await expect(trusting(url.replace('localhost', '127.0.0.1'))).rejects.toMatchObject({ kind: 'network' })
})

test('a guarded call reaches no private network: by address, by odd spelling, by name', async () => {
  const { url, server } = await serve((_request, response) => response.end('inside'))
  const { port } = server.address() as AddressInfo
  const addresses = [
    url,
    `http://0x7f.1:${port}`,
    `http://[::ffff:127.0.0.1]:${port}`,
    `http://localhost:${port}`,
    `http://0:${port}`,
  ]
  for (const address of addresses) {
    await expect(guarded(address)).rejects.toMatchObject({ kind: 'refused_address' })
  }
})

test('a guarded call reaches the private networks its caller names, and no others', async () => {
  const { url, server } = await serve((_request, response) => response.end('inside'))
  const { port } = server.address() as AddressInfo
  const loopback = parseNetworks(['127.0.0.0/8'])
  const allowed = createTransport({
    timeout: 2,
    allow: ({ pathname }) => (pathname === '/mine' ? loopback : undefined),
  })
  expect(await (await allowed(`${url}/mine`)).text()).toBe('inside')
  expect(await (await allowed(`http://localhost:${port}/mine`)).text()).toBe('inside')
  // Also right after a connection to the same host was allowed.
  await expect(allowed(`http://localhost:${port}/other`)).rejects.toMatchObject({ kind: 'refused_address' })
})

test('every special-use address is blocked, and public addresses are not', () => {
  const closed = `
    0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1
    192.168.1.1 198.19.0.1 198.51.100.7 203.0.113.7 224.0.0.1 239.1.1.1 255.255.255.255
    :: ::1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 64:ff9b::a00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1
    2002:a00:1::1 3fff::1 5f00::1 fc00::1 fd12::1 fe80::1 fec0::1 ff02::1 portal.example`
  const reachable = '1.1.1.1 100.63.255.255 172.32.0.1 203.162.4.191 2001:ee0::1 2606:4700::1111'
  const addresses = `${closed} ${reachable}`.trim().split(/\s+/)
  expect(addresses.filter((address) => isReachable(address, undefined)).join(' ')).toBe(reachable)
})

test.each(['10.0.0.0/33', '10.0.0/8', 'fd00::/129', 'localhost', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/-1'])(
  'a network misspelt as %s is refused when it is read, not when it is needed',
  (cidr) => {
    expect(() => parseNetworks([cidr])).toThrow(TypeError)
  },
)

test('a network may be a single address', () => {
  expect(parseNetworks(['fd00::/8', '10.9.8.7']).check('10.9.8.7')).toBe(true)
})

/** A certificate for this test, valid for a century, that no authority has signed. */
const localhost = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+NO4x4v8p5AtcVvw
RUXFzMwvBTlp92Xh0aFmB28h3RahRANCAAT9bCQEQp0q7P/w+J8igGFAYCW1sPLA
nolVWp5sT3/bG1Vy/dUWplVaD69OY0/4PzXcosEIYKCtpnwzYuwK9+nD
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUVa3TMptnIianYaDdfDa06KQuKUcwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTIwMDQ1MFoYDzIxMjYxMDI4
MjAwNDUwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT9bCQEQp0q7P/w+J8igGFAYCW1sPLAnolVWp5sT3/bG1Vy/dUWplVa
D69OY0/4PzXcosEIYKCtpnwzYuwK9+nDo2kwZzAdBgNVHQ4EFgQUvJuKOFvsNGEV
5BPXLrNzS9sEfFYwHwYDVR0jBBgwFoAUvJuKOFvsNGEV5BPXLrNzS9sEfFYwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SAAwRQIgWgogmbaFLg1FNmIthxRJy1VWfqKUHn/UozvNzTD8xXECIQDnHlJcOcXD
TQ23X/EHV15mpvIGHfYVLB+GH11O5UCTjA==
-----END CERTIFICATE-----`,
}
