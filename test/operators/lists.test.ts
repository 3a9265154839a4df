import { beforeAll, expect, test } from 'vitest'
import type { AdminClient } from '../../src/cli/client.ts'
import { eachPage } from '../../src/cli/each-page.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { openWorld, portalDefinition, type World } from '../support/world.ts'

/** Lists whose pages no other test reads. */
let world: World
let reader: AdminClient

beforeAll(async () => {
  world = await openWorld()
  reader = await world.operator('a.reader', ['auditor', 'mapping_officer'])
})

interface Paged {
  readonly next: string | null
  readonly more: boolean
}
async function walk<Page extends Paged>(path: string, limit: string): Promise<Page[]> {
  const pages: Page[] = []
  for await (const page of eachPage<Page>(reader, path, { limit })) pages.push(page)
  return pages
}

test('operators are listed page by page, each once, in the order of their ids', async () => {
  for (const id of ['b.one', 'c.one', 'd.one', 'e.one']) await world.operator(id, ['viewer'])
  const pages = await walk<Paged & { operators: { id: string }[] }>('/v1/operators', '2')
  expect(pages.map(({ operators }) => operators.map(({ id }) => id))).toEqual([
    ['a.reader', 'b.one'],
    ['c.one', 'd.one'],
    ['e.one'],
  ])
  expect(pages.map(({ more }) => more)).toEqual([true, true, false])
})

test('approvals are listed page by page, the oldest first', async () => {
  await world.register(portalDefinition('portal-a'))
  const made: string[] = []
  for (const citizen of ['an', 'binh', 'hoa']) {
    const { number } = citizenNamed(citizen)
    await world.legacyAccount({ clientId: 'portal-a', accountId: `of-${citizen}`, number, attested: false })
    const found = await reader.call<{ accounts: { account: string }[] }>('POST', '/v1/accounts/search', {
      citizen_id: number,
    })
    const [subject] = await world.db.query<{ id: string }>(
      `insert into subject (id, kind) values (gen_random_uuid(), 'citizen') returning id`,
    )
    const body = { account: found.accounts[0]!.account, subject: subject!.id, reason: 'a letter came' }
    const { id } = await reader.call<{ id: string }>('POST', '/v1/reviews', body)
    const words = { reason: 'both papers were seen', evidence: 'the card itself' }
    const { approval } = await reader.call<{ approval: string }>('POST', `/v1/reviews/${id}/confirm`, words)
    made.push(approval)
  }
  const pages = await walk<Paged & { approvals: { id: string }[] }>('/v1/approvals', '2')
  expect(pages.map(({ approvals }) => approvals.map(({ id }) => id))).toEqual([
    made.slice(0, 2),
    made.slice(2),
  ])
})

test('accounts with one number are listed page by page, each once', async () => {
  const { number } = citizenNamed('minh')
  const rows = Array.from({ length: 5 }, (_, n) => ({
    account_id: `m-${n}`,
    kind: 'citizen',
    citizen_id: number,
  }))
  await world.legacyAccounts('portal-a', ...rows)
  const seen: string[] = []
  for (let after: string | null = null, more = true; more;) {
    const body: object = { citizen_id: number, limit: 2, ...(after !== null && { after }) }
    const page: Paged & { accounts: { account: string }[] } = await reader.call(
      'POST',
      '/v1/accounts/search',
      body,
    )
    seen.push(...page.accounts.map(({ account }) => account))
    ;({ next: after, more } = page)
  }
  expect(new Set(seen).size).toBe(5)
  expect(seen).toHaveLength(5)
})

test.each([
  '/v1/operators',
  '/v1/reviews',
  '/v1/approvals',
  '/v1/refusals',
  '/v1/legacy-imports?client=portal-a',
])('%s takes a limit of 1 to 1000, and says that nothing comes after', async (path) => {
  const ask = (query: string) => reader.call<Paged>('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`)
  for (const query of ['limit=1', 'limit=1000'])
    expect(await ask(query)).toMatchObject({ more: expect.any(Boolean) })
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'limit=1&limit=2'])
    await expect(ask(query)).rejects.toMatchObject({ code: 'input_invalid' })
})
