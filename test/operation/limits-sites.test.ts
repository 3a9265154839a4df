/** Limits for the /48 of an IPv6 address, which one attacker may have as a whole. */
import { expect, test } from 'vitest'
import { from, openLimited } from '../support/operation/limited.ts'

const { world, limit, authorize, limitedBy, tokenOf } = await openLimited()
/** Twenty addresses of one site, each of another /64. */
const addresses = (site: string) => Array.from({ length: 20 }, (_, index) => `2001:db8:${site}:${index}::1`)

async function statusesOf(sent: readonly Promise<Response>[]): Promise<Record<number, number>> {
  const count: Record<number, number> = {}
  for (const { status } of await Promise.all(sent)) count[status] = (count[status] ?? 0) + 1
  return count
}

test('a site has four times the budget of one of its addresses, however many of them it uses', async () => {
  await limit({ authorize: { newcomers: 3 }, token: { failures: 2 } })
  const begin = (address: string) => fetch(authorize, { headers: from(address) })
  expect(await statusesOf(addresses('a').map(begin))).toEqual({ 400: 12, 429: 8 })
  // One address still has its own budget, and so has another site.
  expect(await statusesOf(Array.from({ length: 5 }, () => begin('2001:db8:b:1::1')))).toEqual({
    400: 3,
    429: 2,
  })
  expect(await statusesOf(addresses('c').map((address) => tokenOf('machine', 'wrong', address)))).toEqual({
    401: 8,
    429: 12,
  })
  expect(await limitedBy()).toEqual(expect.arrayContaining(['authorize newcomers', 'token failures']))
})

test('a site may have twice the bytes stored that one address may', async () => {
  await limit({ authorize: { bytes: 10_000 } })
  const begin = (address: string) =>
    fetch(`${world.issuer}/auth?client_id=portal-a&state=${'s'.repeat(4_000)}`, { headers: from(address) })
  const { 429: refused, 400: accepted } = await statusesOf(addresses('d').map(begin))
  expect([accepted, refused]).toEqual([5, 15])
})

test('an IPv4 address belongs to no site', async () => {
  await limit({ authorize: { newcomers: 3 } })
  const sent = Array.from({ length: 20 }, (_, index) =>
    fetch(authorize, { headers: from(`198.51.100.${index}`) }),
  )
  expect(await statusesOf(sent)).toEqual({ 400: 20 })
})
