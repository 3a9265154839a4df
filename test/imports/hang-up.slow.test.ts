/** Senders who do not read the report of their large import. */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { openWorld, portalDefinition } from '../support/world.ts'

test('an import completes after its sender disconnects without reading the report, and blocks no import', async () => {
  const world = await openWorld()
  await world.register(portalDefinition('portal-a'))
  const officer = await world.operator('an-officer', ['mapping_officer'])
  // The rows have no numbers, because only the length of the report matters.
  for (const name of ['left-a', 'left-b', 'left-c']) {
    const id = randomUUID()
    const rows = Array.from({ length: 20_000 }, (_, index) => `${name}-${index},citizen\r\n`)
    const answer = await officer.upload(
      `/v1/legacy-imports?client=portal-a&id=${id}`,
      Readable.from([`account_id,kind\r\n${rows.join('')}`]),
      'text/csv',
    )
    answer.destroy()
    await expect
      .poll(() => officer.call<{ state: string }>('GET', `/v1/legacy-imports/${id}`), { timeout: 20_000 })
      .toMatchObject({ state: 'done' })
  }
  const [count] = await world.db.query<{ n: number }>('select count(*)::int as n from legacy_account')
  expect(count?.n).toBe(60_000)
}, 90_000)
