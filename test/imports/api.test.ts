/** Imports of a portal's file through the operators' API and the command line: upload, progress, report, refusal. */
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type AdminClient, type AdminError } from '../../src/cli/client.ts'
import { progressLine } from '../../src/cli/imports.ts'
import { openFolder, openOperator, runCommandLine } from '../support/operators/command-line.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const folder = openFolder()
const header = 'account_id,kind,citizen_id,name,birth_date,attested_at\r\n'
const rowsOf = (count: number) =>
  Array.from(
    { length: count },
    (_, index) => `user-${index},citizen,${numberAt(index)},,,2024-05-20\r\n`,
  ).join('')
const numberAt = (index: number) => `001085${String(999_900 + (index % 50)).padStart(6, '0')}`
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error as AdminError,
  )

describe('an upload', async () => {
  const world = await openWorld()
  await world.register(portalDefinition('portal-a'))
  const officer = await world.operator('an-officer', ['mapping_officer'])
  const send = async (admin: AdminClient, content: string | Buffer, more: Record<string, string> = {}) => {
    const id = randomUUID()
    const query = new URLSearchParams({ client: 'portal-a', id, ...more }).toString()
    const answer = await admin.upload(`/v1/legacy-imports?${query}`, Readable.from([content]), 'text/csv')
    return { id, report: await text(answer), run: await admin.call('GET', `/v1/legacy-imports/${id}`) }
  }
  const accounts = async () =>
    (await world.db.query(`select 1 from legacy_account where client_id = 'portal-a'`)).length

  test('an upload returns the report, and the run can be read afterwards', async () => {
    const { report, run } = await send(officer, gzipSync(header + rowsOf(60)))
    expect(report.split('\r\n').slice(0, 2)).toEqual([
      'line,result,classes,detail',
      '2,accepted,"several_accounts",""',
    ])
    expect(report.split('\r\n')).toHaveLength(62)
    expect(run).toMatchObject({
      client: 'portal-a',
      dry_run: false,
      state: 'done',
      begun_by: 'an-officer',
      rows_read: 60,
      rows_done: 60,
      summary: { rows: 60, results: { accepted: 60 }, classes: { several_accounts: 20 } },
    })
    expect(await accounts()).toBe(60)
  })

  test("a portal's runs are listed page by page, the latest first, and no other portal's", async () => {
    await world.register(portalDefinition('portal-listed'))
    await world.db.query(
      `insert into legacy_import (id, client_id, dry_run, begun_by, begun_at)
       select gen_random_uuid(), 'portal-listed', false, 'before', now() - make_interval(days => n)
       from generate_series(1, 60) n`,
    )
    const { run } = await send(officer, header + 'one,citizen,,,,\r\n', {
      client: 'portal-listed',
      dry_run: 'true',
    })
    const viewer = await world.operator('a-viewer', ['viewer'])
    type Runs = { imports: { begun_at: string; client: string }[]; next: string | null; more: boolean }
    const list = (client: string) => viewer.call<Runs>('GET', `/v1/legacy-imports?client=${client}&limit=50`)
    const first = await list('portal-listed')
    expect(first.imports).toHaveLength(50)
    expect(first.more).toBe(true)
    const second = await list(`portal-listed&after=${encodeURIComponent(first.next!)}`)
    expect(second.more).toBe(false)
    const imports = [...first.imports, ...second.imports]
    expect(imports).toHaveLength(61)
    expect(imports[0]).toEqual(run)
    expect(imports.map((each) => each.begun_at)).toEqual(
      imports.map((each) => each.begun_at).toSorted((a, b) => (a < b ? 1 : -1)),
    )
    expect(new Set(imports.map(({ client }) => client))).toEqual(new Set(['portal-listed']))
    expect(await list('nobody')).toEqual({ imports: [], next: null, more: false })
    expect(await refusal(viewer.call('GET', '/v1/legacy-imports'))).toMatchObject({ code: 'input_invalid' })
  })

  test('a dry run reports and changes nothing', async () => {
    const before = await accounts()
    const { report, run } = await send(officer, header + 'new-one,citizen,,,,\r\n', { dry_run: 'true' })
    expect(report).toContain('2,accepted,"missing_number",""')
    expect(run).toMatchObject({ dry_run: true, state: 'done' })
    expect(await accounts()).toBe(before)
  })

  test('a fault on the last line is reported with line and column, and nothing of the file is imported', async () => {
    const before = await accounts()
    const faulty = `${header}${rowsOf(9_000).replaceAll('user-', 'late-')}late,citizen,"001085`
    const id = randomUUID()
    const path = `/v1/legacy-imports?client=portal-a&id=${id}`
    const error = await refusal(officer.upload(path, Readable.from([faulty]), 'text/csv'))
    expect(error).toMatchObject({
      status: 422,
      code: 'import_invalid',
      detail: expect.stringMatching(/^line 9002/),
    })
    expect(await accounts()).toBe(before)
    expect(await officer.call('GET', `/v1/legacy-imports/${id}`)).toMatchObject({
      state: 'failed',
      fault: expect.stringMatching(/line 9002/),
    })
  })

  test('a file without rows is valid, and its report has no rows', async () => {
    const { report, run } = await send(officer, header)
    expect(report).toBe('line,result,classes,detail\r\n')
    expect(run).toMatchObject({ state: 'done', summary: { rows: 0 } })
  })

  test('an unknown portal, a run id already in use and an unknown run are refused with an error code', async () => {
    const { id } = await send(officer, header)
    const again = officer.upload(
      `/v1/legacy-imports?client=portal-a&id=${id}`,
      Readable.from([header]),
      'text/csv',
    )
    expect(await refusal(again)).toMatchObject({ code: 'state_conflict' })
    const unknown = officer.upload(
      `/v1/legacy-imports?client=nobody&id=${randomUUID()}`,
      Readable.from([header]),
      'text/csv',
    )
    expect(await refusal(unknown)).toMatchObject({
      code: 'input_invalid',
      detail: expect.stringMatching(/^client/),
    })
    expect(await refusal(officer.call('GET', `/v1/legacy-imports/${randomUUID()}`))).toMatchObject({
      status: 404,
    })
    expect(await refusal(officer.call('GET', '/v1/legacy-imports/7'))).toMatchObject({ status: 404 })
  })

  test('an upload that disconnects in the middle imports nothing, and can be repeated', async () => {
    const before = await accounts()
    const source = new Readable({ read() {} })
    source.push(header + rowsOf(5_000).replaceAll('user-', 'gone-'))
    const id = randomUUID()
    const sending = refusal(officer.upload(`/v1/legacy-imports?client=portal-a&id=${id}`, source, 'text/csv'))
    setTimeout(() => source.destroy(new Error('hung up')), 700)
    expect(await sending).toBeDefined()
    await expect
      .poll(() => officer.call<{ state: string }>('GET', `/v1/legacy-imports/${id}`), { timeout: 15_000 })
      .toMatchObject({ state: 'failed' })
    expect(await accounts()).toBe(before)
    expect((await send(officer, header + 'tried-again,citizen,,,,\r\n')).run).toMatchObject({ state: 'done' })
  })

  test('the command line sends a file and writes the result of each row, safe to open in a spreadsheet', async () => {
    const byHand = await openOperator(world, 'by-hand', ['mapping_officer'])
    const file = join(folder, `accounts.csv`)
    writeFileSync(file, `${header}"=cmd|' /C calc'!A0",citizen,,,,\r\nplain,sorcerer,,,,\r\n`)
    const cli = (...args: string[]) => runCommandLine(['legacy', ...args, '--client', 'portal-a'], byHand())
    const run = await cli('import', file)
    expect(run).toMatchObject({ code: 0, err: '' })
    expect(run.out).toMatch(/^2 rows\n {2}accepted +1\n/)
    expect(readFileSync(`${file}.result.csv`, 'utf8').split('\r\n')).toEqual([
      '\ufeff"line","account_id","result","classes","detail"',
      `"2","'=cmd|' /C calc'!A0","accepted","missing_number",""`,
      expect.stringMatching(/^"3","plain","refused","invalid_field","kind: /),
      '',
    ])
    expect(existsSync(`${file}.result.csv.part`)).toBe(false)
    const [, id = ''] = /^import: (\S{36})$/m.exec(run.out) ?? []
    const listed = await cli('imports')
    expect(listed).toMatchObject({ code: 0, err: '' })
    expect(listed.out).toMatch(new RegExp(`^${id}  \\d{4}-\\S+Z  by-hand  done       2 rows\n`))
    expect(listed.out).toMatch(/ {2}an-officer {2}done {7}1 rows {2}dry run\n/)
  })
})

describe('the progress line of an import', () => {
  const run = { state: 'reading', rows_read: 40_000, rows_done: 0, share: 0.25, seconds: 10 }

  test('counts the bytes sent while the file is read', () => {
    expect(progressLine(run)).toBe('reading   █████░░░░░░░░░░░░░░░ 25% 40,000 rows, 4,000 rows/s, 30 s left')
    expect(progressLine({ ...run, seconds: 0 })).toMatch(/ 25% 40,000 rows$/)
    expect(progressLine({ ...run, share: 1 })).not.toContain('left')
  })

  test('counts the rows done while they are applied, after all bytes have been sent', () => {
    const applying = { ...run, state: 'applying', share: 1, rows_done: 30_000 }
    expect(progressLine(applying)).toBe(
      'applying  ███████████████░░░░░ 75% 30,000 of 40,000 rows, 3,000 rows/s, 4 s left',
    )
    expect(progressLine({ ...applying, rows_done: 42_000 })).toContain(' 100% ')
    expect(progressLine({ ...applying, rows_done: 0 })).toMatch(/ 0% 0 of 40,000 rows, 0 rows\/s$/)
  })

  test.each(['comparing', 'reporting', 'done', 'failed'])('has no percentage while %s', (state) => {
    expect(progressLine({ ...run, state, share: 1 })).toBe(`${state.padEnd(9)} 40,000 rows`)
  })
})
