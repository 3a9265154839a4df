/** A portal's file becomes legacy accounts: the result of each row, and what is stored afterwards. */
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { classNames } from '../../src/mapping/classes.ts'
import { reportHeader } from '../../src/imports/run.ts'
import { noFaults, checkMapping } from '../support/mapping/check.ts'
import {
  type Imports,
  type Row,
  attested,
  csv,
  numberOf,
  openImports,
  snapshot,
} from '../support/imports/imports.ts'
import { sizes } from '../support/imports/batch-sizes.ts'
import type { Engine } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined

describe.each<Engine>(['embedded', 'server'])('%s', (engine) => {
  describe.skipIf(engine === 'server' && isMissing)('an import', () => {
    let on: Imports
    beforeAll(async () => {
      if (engine === 'embedded' || !isMissing) on = await openImports(engine)
    })
    const told = ({ rows }: { rows: readonly { line: number; result: string }[] }) =>
      rows.map(({ result }) => result)

    test('reports the result of every row and what cleaning found, class by class', async () => {
      const portal = await on.portal()
      await on.cancelNumberOf(await on.login(portal, 900_001))
      await on.importRows(portal, [{ account_id: 'changes', citizen_id: numberOf(1), ...attested }])
      const { rows, summary } = await on.importRows(portal, [
        { account_id: 'missing' },
        { account_id: 'cmnd', cmnd: '012345678' },
        { account_id: 'malformed', citizen_id: '12345' },
        { account_id: 'prefix', citizen_id: '003090000002', ...attested },
        { account_id: 'born', citizen_id: numberOf(3), birth_date: '1985-01-02', ...attested },
        { account_id: 'sex', citizen_id: numberOf(4), sex: 'nữ', ...attested },
        { account_id: 'missing', citizen_id: numberOf(5), ...attested },
        { account_id: 'one', citizen_id: numberOf(6), ...attested },
        { account_id: 'other', citizen_id: numberOf(6), ...attested },
        { account_id: 'changes', citizen_id: numberOf(7), ...attested },
        { account_id: 'cancelled', citizen_id: numberOf(900_001), ...attested },
        { account_id: 'company', kind: 'organisation', organisation_id: 'TC-12345678', ...attested },
        { account_id: 'staff', kind: 'staff', citizen_id: numberOf(8), ...attested },
        { account_id: 'officer', created_by: 'officer', citizen_id: numberOf(9), ...attested },
        { account_id: 'nowhere', email: 'a@example.com', citizen_id: numberOf(10), ...attested },
        { account_id: 'unattested', citizen_id: numberOf(11) },
        { account_id: 'invalid', citizen_id: numberOf(12), birth_date: '31/02/1990', ...attested },
        { account_id: 'fine', citizen_id: numberOf(13), ...attested },
      ])
      expect(rows).toEqual(
        [
          ['accepted', ['missing_number']],
          ['accepted', ['cmnd_only']],
          ['accepted', ['malformed_number']],
          ['accepted', ['unknown_prefix']],
          ['accepted', ['birth_year_differs']],
          ['accepted', ['sex_differs']],
          ['refused', ['duplicate_row'], 'account_id: appears on an earlier line; remove one'],
          ['accepted', ['several_accounts']],
          ['accepted', ['several_accounts']],
          ['refused', ['number_changed'], 'the account already has another number; an operator decides'],
          ['accepted', ['number_cancelled']],
          ['accepted', ['organisation_account']],
          ['accepted', ['staff_account']],
          ['accepted', ['officer_created']],
          ['accepted', ['placeholder_contact']],
          ['accepted', ['not_attested']],
          ['refused', ['invalid_field'], 'birth_date: must be a date or a year that is not in the future'],
          ['accepted', []],
        ].map(([result, classes, detail = ''], index) => ({ line: index + 2, result, classes, detail })),
      )
      const found = new Set(rows.flatMap(({ classes }) => classes))
      expect(classNames.filter((name) => !found.has(name))).toEqual([])
      expect(summary).toEqual({
        rows: 18,
        results: { accepted: 15, unchanged: 0, changed: 0, refused: 3 },
        classes: Object.fromEntries(
          classNames.map((name) => [name, rows.filter(({ classes }) => classes.includes(name)).length]),
        ),
      })
      const accounts = await on.accounts(portal)
      expect(Object.keys(accounts)).toHaveLength(16)
      expect(accounts['staff']?.state).toBe('exempt')
      expect(accounts['cancelled']).toMatchObject({ state: 'in_review', classes: ['number_cancelled'] })
      for (const { line, classes } of rows.filter(({ result }) => result === 'accepted'))
        expect(
          Object.values(accounts).filter((one) => one.classes.join() === classes.join()),
          `line ${line}`,
        ).not.toHaveLength(0)
      expect(await checkMapping(on.db)).toEqual(noFaults)
    })

    test('reports in CSV under one header, and no cell is a formula, a quote or a value of the file', async () => {
      const portal = await on.portal()
      const values = ['=cmd|x', '+1', '@sum', '"quoted"', 'a,b']
      const { text } = await on.importText(
        portal,
        csv(
          values.flatMap((value) => [
            { account_id: value },
            { account_id: value, name: value, sex: value, kind: value },
          ]),
        ),
      )
      expect(reportHeader).toBe('line,result,classes,detail\r\n')
      expect(text).toMatch(/^(\d+,(accepted|refused),"[a-z_]+","(kind: unknown value)?"\r\n){10}$/)
      const { text: none } = await on.importText(portal, 'account_id,citizen_id\n')
      expect(none).toBe('')
    })

    test('of the same file a second time reports every row as unchanged, and changes no stored byte', async () => {
      const portal = await on.portal()
      const other = await on.portal()
      await on.cancelNumberOf(await on.login(other, 900_002))
      const rows: Row[] = [
        ...Array.from({ length: 40 }, (_, index) => ({
          account_id: `a${index}`,
          citizen_id: numberOf(1_000 + Math.floor(index / 2)),
          ...(index % 3 === 0 ? attested : {}),
          province: '01',
          name: `Người Thứ ${index}`,
        })),
        { account_id: 'staff', kind: 'staff' },
        { account_id: 'cancelled', citizen_id: numberOf(900_002) },
      ]
      await on.importRows(portal, rows)
      const before = await snapshot(on.db)
      const { summary } = await on.importRows(portal, rows.toReversed())
      expect(summary.results).toEqual({ accepted: 0, unchanged: 42, changed: 0, refused: 0 })
      expect(await snapshot(on.db)).toEqual(before)
    })

    test('stores what differs and reports it as changed; the next import of the file reports unchanged', async () => {
      const portal = await on.portal()
      const was = { account_id: 'a', name: 'Trần Văn Cũ', province: '01' }
      await on.importRows(portal, [was])
      const number = { citizen_id: numberOf(1_100) }
      const changes: Row[] = [
        { ...was, cmnd: '999912377' },
        { account_id: 'a' },
        { ...was, ...number },
        { ...was, ...number, ...attested },
        { ...was, ...number, ...attested, name: 'Trần Văn Mới' },
        { ...was, ...number, province: '79', last_used_at: '2025-01-02' },
        { account_id: 'a', ...number },
      ]
      for (const now of changes) {
        expect(told(await on.importRows(portal, [now]))).toEqual(['changed'])
        const { a } = await on.accounts(portal)
        expect(a).toMatchObject({
          state: 'open',
          number: now['citizen_id'],
          attested_on: now['attested_at'] ?? null,
          province: now['province'] ?? '',
        })
        expect(a?.name).toBe(now['name'])
        expect(told(await on.importRows(portal, [now]))).toEqual(['unchanged'])
        expect((await on.accounts(portal))['a']).toEqual(a)
      }
      expect(await on.cases(portal)).toEqual([])
      expect(await checkMapping(on.db)).toEqual(noFaults)
    })

    test('whose file has a fault on its last line stores nothing, and names line and column', async () => {
      const portal = await on.portal()
      await on.importRows(portal, [{ account_id: 'known', citizen_id: numberOf(1_200), ...attested }])
      const before = await snapshot(on.db)
      const rows = Array.from({ length: 1_000 }, (_, index) => ({
        account_id: index === 7 ? 'known' : `n${index}`,
        citizen_id: numberOf(2_000 + index),
      }))
      const fault = on.importText(portal, `${csv(rows)}last,\u0001\n`)
      await expect(fault).rejects.toMatchObject({
        code: 'import_invalid',
        detail: 'line 1002, column 2 (citizen_id): contains a control character; remove it',
      })
      expect(await snapshot(on.db)).toEqual(before)
      expect(told(await on.importRows(portal, rows.slice(0, 2)))).toEqual(['accepted', 'accepted'])
    })

    test('that meets a fault while a batch is being written stores nothing of that batch either', async () => {
      const portal = await on.portal()
      const before = await snapshot(on.db)
      const batch = csv(Array.from({ length: sizes.staged * 4 }, (_, index) => ({ account_id: `n${index}` })))
      for (let turn = 0; turn < 3; turn++) {
        // The first chunk ends with a batch, so the fault occurs while the database writes that batch.
        const pieces = async function* () {
          yield Buffer.from(batch)
          for (let pause = 0; pause < turn; pause++) await new Promise((resolve) => setImmediate(resolve))
          yield Buffer.from('a,b\n')
        }
        await expect(on.importFile(portal, pieces())).rejects.toMatchObject({ code: 'import_invalid' })
        expect(await snapshot(on.db)).toEqual(before)
      }
    })

    test('refuses an account id that an earlier line had, at any distance and for any kind of earlier row', async () => {
      const portal = await on.portal()
      await on.importRows(portal, [{ account_id: 'known' }])
      const filler = Array.from({ length: 900 }, (_, index) => ({ account_id: `filler${index}` }))
      const { rows } = await on.importRows(portal, [
        { account_id: 'known' },
        { account_id: 'new', province: '01' },
        { account_id: 'new', province: '02' },
        { account_id: 'refused', birth_date: 'never' },
        ...filler,
        { account_id: 'new', province: '03' },
        { account_id: 'known', province: '04' },
        { account_id: 'refused', province: '05' },
        { account_id: 'refused', province: '06' },
        { account_id: 'new', birth_date: 'never' },
      ])
      const near = [...rows.slice(0, 4), ...rows.slice(-5)]
      const again = 'account_id: appears on an earlier line; remove one'
      expect(near.map(({ line, result, detail }) => [line, result, detail])).toEqual([
        [2, 'unchanged', ''],
        [3, 'accepted', ''],
        [4, 'refused', again],
        [5, 'refused', 'birth_date: must be a date or a year that is not in the future'],
        [906, 'refused', again],
        [907, 'refused', again],
        // A row that was refused for its own fault does not reserve its account id.
        [908, 'accepted', ''],
        [909, 'refused', again],
        [910, 'refused', 'birth_date: must be a date or a year that is not in the future'],
      ])
      expect(
        near.filter(({ detail }) => detail === again).map(({ classes }) => classes.includes('duplicate_row')),
      ).toEqual([true, true, true, true])
      const accounts = await on.accounts(portal)
      expect([accounts['known'], accounts['new'], accounts['refused']].map((one) => one?.province)).toEqual([
        '',
        '01',
        '05',
      ])
    })
  })
})
