import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type AdminError, createAdminClient } from '../../src/cli/client.ts'
import { eachPage } from '../../src/cli/each-page.ts'

/** A server that is not the broker, with answers that a client may get. */
async function meet(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let count = 0
  return createAdminClient({ url, token: () => Promise.resolve(`token-${++count}`) })
}
const problem = (status: number, body: object): { status: number; body: string } => ({
  status,
  body: JSON.stringify({ status, ...body }),
})

test('a write whose connection breaks is sent once more, with the same Idempotency-Key and a new proof', async () => {
  const seen: { key: unknown; proof: unknown; text: string }[] = []
  const client = await meet((request, response) => {
    void (async () => {
      let text = ''
      for await (const part of request) text += String(part)
      const { 'idempotency-key': key, authorization: proof } = request.headers
      seen.push({ key, proof, text })
      // The write was executed, but its answer does not arrive.
      if (seen.length === 1) request.socket.destroy()
      else response.end('{"done":true}')
    })()
  })
  expect(await client.call('POST', '/v1/things', { name: 'x' })).toEqual({ done: true })
  const [first, second] = seen
  expect(seen).toHaveLength(2)
  expect(first?.key).toMatch(/^[\w-]{36}$/)
  expect(second).toEqual({ ...first, proof: 'Bearer token-2' })
})

test('a repeated write waits as long as the first one runs', async () => {
  let count = 0
  const client = await meet((request, response) => {
    count += 1
    if (count === 1) request.socket.destroy()
    else if (count === 2) {
      const { status, body } = problem(409, { code: 'idempotency_running' })
      response.writeHead(status, { 'content-type': 'application/problem+json' }).end(body)
    } else response.end('{"count":3}')
  })
  expect(await client.call('POST', '/v1/things')).toEqual({ count: 3 })
})

test('an unreachable server is reported after two attempts, with a plain message', async () => {
  let count = 0
  const client = await meet((request) => {
    count += 1
    request.socket.destroy()
  })
  await expect(client.call('GET', '/v1/whoami')).rejects.toThrow(/^the admin API at .* does not answer$/)
  expect(count).toBe(2)
})

test('two writes have two Idempotency-Keys, and a read has none', async () => {
  const keys: unknown[] = []
  const client = await meet((request, response) => {
    keys.push(request.headers['idempotency-key'])
    response.writeHead(204).end()
  })
  await client.call('POST', '/v1/things')
  await client.call('POST', '/v1/things')
  await client.call('GET', '/v1/things')
  await client.call('DELETE', '/v1/things', undefined, { idempotencyKey: 'chosen-by-who-calls' })
  expect(new Set(keys.slice(0, 2)).size).toBe(2)
  expect(keys.slice(2)).toEqual([undefined, 'chosen-by-who-calls'])
})

test('a refusal is reported with code, detail, reference and fields; an answer of another server with its status', async () => {
  const errors = [{ path: 'id', message: 'is missing' }]
  const client = await meet((request, response) => {
    const ours = problem(400, {
      code: 'input_invalid',
      detail: 'id: is missing',
      reference: 'K88FWTF37J',
      errors,
    })
    if (request.url === '/v1/proxy') response.writeHead(502).end('<html>')
    else response.writeHead(ours.status).end(ours.body)
  })
  const refusal = (path: string) => client.call('GET', path).catch((error: AdminError) => error)
  expect(await refusal('/v1/ours')).toMatchObject({
    status: 400,
    code: 'input_invalid',
    errors,
    message: 'input_invalid: id: is missing (reference K88FWTF37J)',
  })
  expect(await refusal('/v1/proxy')).toMatchObject({ status: 502, code: 'HTTP 502', message: 'HTTP 502' })
})

test('a list is read to its end', async () => {
  const client = await meet((request, response) => {
    const query = new URL(request.url!, 'http://x').searchParams
    const from = Number(query.get('after') ?? '0')
    response.end(
      JSON.stringify({ things: [from + 1], next: String(from + 1), more: from < 2, asked: query.toString() }),
    )
  })
  const pages: object[] = []
  for await (const page of eachPage<{ things: number[]; next: string; more: boolean }>(client, '/v1/things', {
    client: 'a b',
    none: undefined,
  }))
    pages.push(page)
  expect(pages).toMatchObject([
    { things: [1], asked: 'limit=1000&client=a+b' },
    { things: [2], asked: 'limit=1000&client=a+b&after=1' },
    { things: [3] },
  ])
  expect(pages).toHaveLength(3)
})
