/** The report of an import says of every damaged row what happened to it, whatever the row's result. */
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { type Imports, attested, numberOf, openImports } from '../support/imports/imports.ts'
import type { Engine } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined

describe.each<Engine>(['embedded', 'server'])('%s', (engine) => {
  describe.skipIf(engine === 'server' && isMissing)('a report', () => {
    let on: Imports
    beforeAll(async () => {
      if (engine === 'embedded' || !isMissing) on = await openImports(engine)
    })

    const rounded =
      'citizen_id: is in scientific notation: a spreadsheet has rounded the number; export the column as text from the source'

    test('explains a malformed number of a new, a known and a changed account', async () => {
      const portal = await on.portal()
      const damaged = { account_id: 'rounded', citizen_id: '8.49E+10' }
      const first = await on.importRows(portal, [damaged, { account_id: 'fine', citizen_id: numberOf(1) }])
      expect(first.rows).toEqual([
        { line: 2, result: 'accepted', classes: ['malformed_number'], detail: rounded },
        { line: 3, result: 'accepted', classes: ['not_attested'], detail: '' },
      ])
      expect((await on.importRows(portal, [damaged])).rows).toEqual([
        { line: 2, result: 'unchanged', classes: ['malformed_number'], detail: rounded },
      ])
      expect((await on.importRows(portal, [{ ...damaged, name: 'Nguyễn Thị Hoa' }])).rows).toEqual([
        { line: 2, result: 'changed', classes: ['malformed_number'], detail: rounded },
      ])
    })

    test('of a damaged number for an account that has a sound one says that the row is refused', async () => {
      const portal = await on.portal()
      await on.importRows(portal, [{ account_id: 'an', citizen_id: numberOf(2), ...attested }])
      expect(
        (await on.importRows(portal, [{ account_id: 'an', citizen_id: '8.49E+10' }])).rows,
      ).toMatchObject([
        { result: 'refused', detail: 'the account has a number, which an import cannot remove' },
      ])
    })
  })
})
