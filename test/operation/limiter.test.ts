/** The counters behind the limits: a sliding minute, summed over all nodes, in bounded memory. */
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { type AddressOf, createAddressOf } from '../../src/http/client-address.ts'
import { type Limiter, createLimiter } from '../../src/http/limiter.ts'
import { dimensions, limitTable } from '../../src/config/limit-table.ts'
import { createMemoryState } from '../../src/store/state/memory.ts'
import type { State } from '../../src/store/state/state.ts'
import { readGuide, tableOf } from '../support/docs/guide.ts'

const start = 60_000 * 1_000
let time = start
const now = () => time

function open(state: Pick<State, 'add'> = openState(), maxKeys?: number): Limiter {
  const limiter = createLimiter({ state, now, ...(maxKeys === undefined ? {} : { maxKeys }) })
  onTestFinished(() => {
    limiter.close()
    time = start
  })
  return limiter
}
function openState(): State {
  const state = createMemoryState({ limit: 10_000_000, now })
  onTestFinished(() => state.close())
  return state
}
/** Returns how many of the given number of requests are admitted. */
function ask(limiter: Limiter, key: string, budget: number, times: number): number {
  let admitted = 0
  for (let index = 0; index < times; index++) {
    if (limiter.standing(key, budget).isSpent) continue
    limiter.add(key, budget)
    admitted++
  }
  return admitted
}

test('a budget applies to any period of one minute', () => {
  const limiter = open()
  time = start + 45_000
  expect(ask(limiter, 'k', 100, 150)).toBe(100)
  expect(ask(limiter, 'other', 100, 10)).toBe(10)
  time = start + 75_000
  // A quarter of the new minute has passed: a quarter of the last one's count is forgotten.
  expect(ask(limiter, 'k', 100, 150)).toBe(25)
  time = start + 119_000
  expect(ask(limiter, 'k', 100, 150)).toBe(73)
  time = start + 300_000
  expect(ask(limiter, 'k', 100, 150)).toBe(100)
})

test('a caller that waits for the reported time is admitted, and not much earlier', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 0, max: 300 })), {
        maxLength: 6,
      }),
      (budget, steps) => {
        const limiter = createLimiter({ state: { add: () => Promise.resolve([]) }, now })
        time = start
        for (const [pause, times] of steps) {
          time += pause
          ask(limiter, 'k', budget, times)
        }
        const { isSpent, reset, remaining } = limiter.standing('k', budget)
        limiter.close()
        if (!isSpent) return remaining >= 1
        expect(remaining).toBe(0)
        expect(reset).toBeLessThanOrEqual(121)
        const told = time
        time = told + Math.max(0, reset - 1.01) * 1000
        expect(limiter.standing('k', budget).isSpent).toBe(true)
        time = told + reset * 1000
        expect(limiter.standing('k', budget).isSpent).toBe(false)
        return true
      },
    ),
  )
  time = start
})

test('two nodes admit as many requests as one node, plus those between two exchanges', async () => {
  const state = openState()
  const [one, two] = [open(state), open(state)]
  expect(ask(one, 'k', 100, 60)).toBe(60)
  await one.flush()
  expect(ask(two, 'k', 100, 30)).toBe(30)
  await two.flush()
  expect(ask(two, 'k', 100, 60)).toBe(10)
  await two.flush()
  await one.flush()
  // The node has no new counts, so it does not exchange; the next request makes it exchange.
  expect(ask(one, 'k', 100, 1)).toBe(1)
  await one.flush()
  expect(ask(one, 'k', 100, 60)).toBe(0)
})

test('most keys never leave their node, and one round trip carries the rest', async () => {
  const state = openState()
  const trips: number[] = []
  const limiter = open({ add: (additions) => (trips.push(additions.length), state.add(additions)) })
  for (let index = 0; index < 500; index++) ask(limiter, `quiet ${index}`, 1_000, 2)
  for (let index = 0; index < 20; index++) ask(limiter, `loud ${index}`, 100, 50)
  await limiter.flush()
  await limiter.flush()
  expect(trips).toEqual([20])
})

test('while the state is unavailable a node uses its own count, and shares it later', async () => {
  const state = openState()
  let isAway = true
  const limiter = open({ add: (given) => (isAway ? Promise.reject(new Error('away')) : state.add(given)) })
  expect(ask(limiter, 'k', 100, 60)).toBe(60)
  await limiter.flush()
  expect(ask(limiter, 'k', 100, 60)).toBe(40)
  await limiter.flush()
  isAway = false
  await limiter.flush()
  expect(await state.add([{ key: `limit:${start / 60_000}:k`, by: 0, ttl: 60 }])).toEqual([100])
})

test('a count whose answer is lost is shared once, and so is what was counted meanwhile', async () => {
  const state = openState()
  let isLost = true
  const limiter = open({
    add: async (additions) => {
      const sums = await state.add(additions)
      if (isLost) throw new Error('the connection broke after the store had added')
      return sums
    },
  })
  const shared = () => state.add([{ key: `limit:${start / 60_000}:k`, by: 0, ttl: 60 }])
  expect(ask(limiter, 'k', 100, 30)).toBe(30)
  await limiter.flush()
  expect(ask(limiter, 'k', 100, 20)).toBe(20)
  await limiter.flush()
  expect(await shared()).toEqual([30])
  isLost = false
  await limiter.flush()
  await limiter.flush()
  expect(await shared()).toEqual([50])
  expect(ask(limiter, 'k', 100, 60)).toBe(50)
})

test('if the store has no room for a sum, no node loses its own count', async () => {
  const full = createMemoryState({ limit: 0, now })
  onTestFinished(() => full.close())
  const limiter = open(full)
  for (const room of [60, 40]) {
    expect(ask(limiter, 'k', 100, 60)).toBe(room)
    await limiter.flush()
  }
  expect(ask(limiter, 'k', 100, 60)).toBe(0)
})

test('a flood of callers makes no count forgotten before its minute is over, and every caller is counted', () => {
  const limiter = open(openState(), 100)
  expect(ask(limiter, 'token:failures:guesser', 5, 50)).toBe(5)
  for (let index = 0; index < 100_000; index++) limiter.add(`pages:browser:${index}`, 5)
  expect(ask(limiter, 'token:failures:guesser', 5, 50)).toBe(0)
  expect(ask(limiter, 'token:failures:another guesser', 5, 50)).toBe(5)
  expect(ask(limiter, 'token:failures:another guesser', 5, 50)).toBe(0)
  time = start + 30_000
  expect(ask(limiter, 'token:failures:guesser', 5, 50)).toBe(0)
  time = start + 180_000
  expect(ask(limiter, 'token:failures:guesser', 5, 50)).toBe(5)
})

test('with any number of callers memory is bounded', async () => {
  const held = new Set<string>()
  const limiter = open(
    {
      add(additions) {
        for (const { key } of additions) held.add(key)
        return Promise.resolve(additions.map(({ by }) => by))
      },
    },
    100,
  )
  // Every count of so small a budget is sent to the store.
  for (let index = 0; index < 100_000; index++) limiter.add(`pages:browser:${index}`, 5)
  for (let turn = 0; turn < 10; turn++) await limiter.flush()
  expect(held.size).toBeGreaterThan(8_000)
  expect(held.size).toBeLessThanOrEqual(100 + 8_192)
})

test("the operators' guide gives the actual budgets", () => {
  const guide = tableOf(readGuide('operate/limits.md'), 'group')
  const told = guide.map(([group = '', _endpoints, ...cells]) => [
    group.replaceAll('`', ''),
    Object.fromEntries(
      dimensions.flatMap((name, at) => (cells[at] === '' ? [] : [[name, Number(cells[at])]])),
    ),
  ])
  expect(Object.fromEntries(told)).toEqual(limitTable)
})

describe('the address of a caller', async () => {
  let addressOf: AddressOf
  const server = createServer((incoming, outgoing) =>
    outgoing.end(JSON.stringify({ is: addressOf(incoming) })),
  )
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  afterAll(() => void server.close())
  const { port } = server.address() as AddressInfo
  const seen = (headers: Record<string, string | string[]>, proxies: string[], header = 'x-forwarded-for') =>
    new Promise<string | undefined>((resolve, reject) => {
      addressOf = createAddressOf({ proxies, header: header as 'forwarded' })
      const asked = request({ port, host: '127.0.0.1', headers }, (answer) => {
        answer.on('data', (chunk: Buffer) => resolve((JSON.parse(chunk.toString()) as { is?: string }).is))
      })
      asked.once('error', reject)
      asked.end()
    })
  const local = ['127.0.0.0/8', '10.0.0.0/8']

  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['6.6.6.6, 203.0.113.7', '203.0.113.7'],
    ['6.6.6.6, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['203.0.113.7:51234', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2405:4800:12:34:aaaa:bbbb:cccc:dddd', '2405:4800:12:34::'],
    ['[2405:4800:12:34::1]:443', '2405:4800:12:34::'],
    ['2405:4800::1', '2405:4800:0:0::'],
    ['2405:4800:0012:0034::2%eth0', '2405:4800:12:34::'],
    ['  203.0.113.7\t, 10.1.2.3 ', '203.0.113.7'],
    // Only proxies: they did not report the caller's address.
    ['10.9.9.9, 10.1.2.3', undefined],
    ['6.6.6.6, unknown', undefined],
    ['6.6.6.6, unknown, 10.1.2.3', undefined],
    [`6.6.6.6, ${'1'.repeat(65)}`, undefined],
    ['', undefined],
  ])('X-Forwarded-For: %s, from a proxy of ours, is %s', async (header, address) => {
    expect(await seen({ 'x-forwarded-for': header }, local)).toBe(address)
  })

  test.each([
    ['for=203.0.113.7', '203.0.113.7'],
    ['for="[2405:4800:12:34::1]:443";proto=https, for=10.1.2.3', '2405:4800:12:34::'],
    ['for=6.6.6.6, by=10.0.0.1;For="203.0.113.7:80"', '203.0.113.7'],
    ['for=6.6.6.6, for=_hidden', undefined],
  ])('Forwarded: %s, where that is the setting, is %s', async (header, address) => {
    expect(await seen({ forwarded: header, 'x-forwarded-for': '6.6.6.6' }, local, 'forwarded')).toBe(address)
  })

  test.each([
    ['x-forwarded-for', `a${' '.repeat(15_000)}a`],
    ['x-forwarded-for', `${' '.repeat(15_000)}a`],
    ['x-forwarded-for', '['.repeat(15_000)],
    ['x-forwarded-for', '1,'.repeat(7_500)],
    ['forwarded', `for${' '.repeat(15_000)}a`],
    ['forwarded', ';for '.repeat(3_000)],
    ['forwarded', `;${' '.repeat(15_000)}for`],
  ] as const)('no header takes long to read (%s)', (header, told) => {
    const seenBy = createAddressOf({ proxies: local, header })
    const incoming = { socket: { remoteAddress: '127.0.0.1' }, headers: { [header]: told } } as never
    const begun = process.cpuUsage()
    for (let index = 0; index < 20; index++) seenBy(incoming)
    const { user, system } = process.cpuUsage(begun)
    expect((user + system) / 1000).toBeLessThan(1_000)
  })

  test('an unknown proxy is not trusted, and a private address without a known proxy identifies no caller', async () => {
    const claim = { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7' }
    expect(await seen(claim, ['192.0.2.1'])).toBe('127.0.0.1')
    expect(await seen(claim, [])).toBeUndefined()
    // Two header lines are one list.
    expect(await seen({ 'x-forwarded-for': ['6.6.6.6', '203.0.113.9'] }, local)).toBe('203.0.113.9')
  })
})
