/** A dry run reports exactly what the import will do, and changes nothing. */
import { beforeAll, describe, expect, test } from 'vitest'
import { checkMapping, noFaults } from '../support/mapping/check.ts'
import {
  type Imports,
  type Row,
  attested,
  csv,
  numberOf,
  officer,
  openImports,
  snapshot,
} from '../support/imports/imports.ts'

describe('an import', () => {
  let on: Imports
  beforeAll(async () => {
    on = await openImports()
  })

  test('that is a dry run reports exactly what the real import will report, and changes nothing', async () => {
    const portal = await on.portal()
    const [linked, bare] = [await on.login(portal, 900_010), await on.login(portal, 900_011)]
    await on.cancelNumberOf(await on.login(portal, 900_012))
    const known = (id: string, person: number, more: Row = {}) => ({
      account_id: id,
      citizen_id: numberOf(person),
      ...attested,
      ...more,
    })
    const first = [
      known('linked', 900_010),
      known('linked-kind', 900_010),
      known('linked-bare', 900_011),
      known('same', 1_301),
      known('other-number', 1_302),
      known('to-staff', 1_303),
      known('staff', 1_304, { kind: 'staff' }),
      known('retired', 1_305),
      known('shared', 1_306),
      known('in-review', 1_307),
      { account_id: 'numberless' },
      { account_id: 'cancelled-later' },
      ...Array.from({ length: 310 }, (_, index) => ({ account_id: `same${index}` })),
    ]
    await on.importRows(portal, first)
    expect([await on.login(portal, 900_010), await on.login(portal, 900_011)]).toEqual([linked, bare])
    // A linked account that has lost its number.
    await on.importRows(portal, [{ account_id: 'linked-bare' }])
    await on.db.query(`update legacy_account set state = 'retired' where client_id = $1 and id::text = $2`, [
      portal,
      (await on.accounts(portal))['retired']!.id,
    ])
    await on.mapping.question((await on.accounts(portal))['in-review']!.id, linked, officer)

    const second = csv([
      known('linked', 1_310),
      known('linked-kind', 900_010, { kind: 'organisation' }),
      known('linked-bare', 1_311),
      known('same', 1_301),
      known('other-number', 1_312),
      known('to-staff', 1_303, { kind: 'staff' }),
      known('staff', 1_304),
      known('retired', 1_305, { name: 'Người Khác' }),
      known('shared', 1_306),
      known('in-review', 1_307, { province: '48' }),
      known('numberless', 1_313),
      known('cancelled-later', 900_012),
      known('new', 1_306),
      known('new-cancelled', 900_012),
      known('new', 1_314),
      known('same', 1_301),
      { account_id: 'invalid', birth_date: 'never' },
      ...first.slice(12),
    ])
    const before = await snapshot(on.db)
    const tried = await on.importText(portal, second, { dryRun: true })
    expect(await snapshot(on.db)).toEqual(before)
    const real = await on.importText(portal, second)
    expect(real).toEqual(tried)
    expect(
      real.rows
        .slice(0, 17)
        .map(({ result }) => result)
        .join(' '),
    ).toBe(
      'refused refused refused unchanged refused changed changed changed changed changed changed changed ' +
        'accepted accepted refused refused refused',
    )
    const runs = await on.db.query<{ dry_run: boolean; state: string; summary: object }>(
      `select dry_run, state, summary from legacy_import where client_id = $1 order by begun_at desc limit 2`,
      [portal],
    )
    expect(runs).toMatchObject([
      { dry_run: false, state: 'done', summary: real.summary },
      { dry_run: true, state: 'done', summary: tried.summary },
    ])
    expect(await checkMapping(on.db)).toEqual(noFaults)
  }, 60_000)
})
