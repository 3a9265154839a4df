/** The reports of progress and refusals: formats, roles, and CSV that is safe to open in a spreadsheet. */
import { randomUUID } from 'node:crypto'
import { SignJWT, importJWK } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AdminClient } from '../../src/cli/client.ts'
import { createOperator } from '../../src/operators/operators.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { progressCsv, progressTable, shapeProgress } from '../../src/mapping/progress.ts'
import { insertAuditEvents } from '../../src/store/audit.ts'
import { foldProgress } from '../../src/store/progress.ts'
import { runAs } from '../support/operators/command.ts'
import { citizenRow, openCounted } from '../support/mapping/counted-portals.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld, type World } from '../support/world.ts'

describe('the report of progress', () => {
  let world: World
  let viewer: AdminClient
  let officer: AdminClient
  beforeAll(async () => {
    world = await openWorld()
    viewer = await world.operator('a.viewer', ['viewer'])
    officer = await world.operator('an.officer', ['mapping_officer'])
  })
  afterAll(() => world.close())
  const open = (policy?: Record<string, unknown>) => openCounted(world, viewer, policy)

  test('refuses an invalid span or field', async () => {
    for (const query of [
      'from=2024-02-30',
      'from=yesterday',
      'from=2024-07-02&to=2024-07-01',
      'from=2020-01-01&to=2024-01-01',
      'client=',
      'portal=x',
    ]) {
      await expect(viewer.call('GET', `/v1/progress?${query}`)).rejects.toMatchObject({
        status: 400,
        code: 'input_invalid',
      })
    }
  })

  test('is CSV if the request asks for it', async () => {
    const portal = await open()
    await portal.add(citizenRow('a', 'an'))
    const asked = `/v1/progress?client=${portal.clientId}`
    const { privateKey, publicKey } = await generateOperatorKey()
    recordSecrets([privateKey.d])
    const id = 'a.spreadsheet'
    const log = createLog({ level: 'silent' })
    await createOperator({ db: world.db, log, actor: 'local' }, { id, roles: ['viewer'], key: publicKey })
    const assertion = await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(id)
      .setSubject(id)
      .setAudience(world.config.admin.audience)
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(await importJWK(privateKey, 'ES256'))
    const response = await fetch(`${world.adminUrl}${asked}`, {
      headers: { authorization: `Bearer ${assertion}`, accept: 'text/csv' },
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="progress-20.*\.csv"$/)
    const lines = (await response.text()).split('\r\n')
    expect(lines[0]).toMatch(/^"of","id","name","kind","accounts","open",/)
    expect(lines[1]).toMatch(`"portal","${portal.clientId}","Cổng ${portal.clientId}","all","1","1",`)
    expect(lines.slice(1, -1).map((line) => line.split(',')[0])).toEqual([
      '"portal"',
      '"portal"',
      '"province"',
      '"province"',
      '"total"',
      '"total"',
      ...Array.from({ length: 30 }, () => '"day"'),
    ])
    expect(await viewer.call('GET', asked)).toMatchObject({ portals: [{ client: portal.clientId }] })
  })

  test('lists the refusals by the lock, with reason, date and number', async () => {
    const [portal, other] = [await open(), await open()]
    const subjectId = randomUUID()
    const refusal = (clientId: string, reason: string, reference: string, since?: string) => ({
      event: 'link.refused' as const,
      clientId,
      subjectId,
      actor: 'citizen',
      reference,
      detail: { reason, account: '7', population: 'citizen', ...(since !== undefined && { since }) },
    })
    await insertAuditEvents(world.db, [
      refusal(portal.clientId, 'locked', 'R1', '2024-07-01'),
      refusal(portal.clientId, 'locked', 'R2', '2024-07-01'),
      refusal(other.clientId, 'locked', 'R3', '2024-07-01'),
      refusal(portal.clientId, 'denied', 'R4'),
    ])
    interface Refusals {
      readonly refusals: readonly { readonly reference: string }[]
      readonly next: string
      readonly more: boolean
    }
    const path = `/v1/refusals?client=${portal.clientId}`
    const first = await officer.call<Refusals>('GET', `${path}&limit=2`)
    const times = expect.stringMatching(/^\d{4}-.*Z$/) as string
    expect(first).toMatchObject({
      refusals: [
        {
          at: times,
          client: portal.clientId,
          subject: subjectId,
          reason: 'locked',
          population: 'citizen',
          since: '2024-07-01',
          reference: 'R1',
        },
        { reference: 'R2' },
      ],
      counts: [
        { client: portal.clientId, reason: 'denied', n: 1, first: times, last: times },
        { client: portal.clientId, reason: 'locked', n: 2, first: times, last: times },
      ],
      more: true,
    })
    expect(JSON.stringify(first)).not.toContain('"account"')
    const second = await officer.call<Refusals>('GET', `${path}&after=${first.next}&limit=2`)
    expect(second).toMatchObject({ refusals: [{ reference: 'R4', since: null }], more: false })
    // They were in the first page.
    expect(second).not.toHaveProperty('counts')
    const all = await officer.call<Refusals>('GET', '/v1/refusals')
    expect(all.refusals.map(({ reference }) => reference)).toEqual(['R1', 'R2', 'R3', 'R4'])
    await expect(officer.call('GET', '/v1/refusals?after=x')).rejects.toMatchObject({ status: 400 })
    await expect(viewer.call('GET', '/v1/refusals')).rejects.toMatchObject({ status: 403 })
    expect(await command('refusals', officer, { client: portal.clientId })).toMatch(
      new RegExp(
        `${portal.clientId} {2}${subjectId} {2}locked +citizen +R1 {2}since 2024-07-01\n(.*\n){3}.* {2}locked {2}2$`,
      ),
    )
  })

  test('is a table on the command line, or the same as CSV', async () => {
    const portal = await open()
    await portal.add(citizenRow('a', 'an'), citizenRow('b', 'binh'))
    await portal.enter('an')
    const options = { client: portal.clientId }
    const table = await command('progress', viewer, options)
    expect(table).toMatch(/^ +accounts +open +in_review +linked +exempt +retired\n/)
    expect(table).toMatch(/\ntotal +2 +1 +0 +1 +0 +0 +50\.0%\n/)
    expect(table).toContain('links: attested_number 1')
    expect(table).toMatch(/lock: citizen locked 2024-07-01, /)
    expect(table.split('\n').slice(-15)[0]).toBe('day         new_linked  new_accounts  linked  accounts')
    const own = `Cổng ${portal.clientId} (${portal.clientId})`
    expect(table).not.toContain(`${own} links`)
    const withClasses = await command('progress', viewer, { ...options, classes: true })
    expect(withClasses).toContain(`\n${own} links: attested_number 1\n${own} classes: none\n`)
    const csv = await command('progress', viewer, { ...options, csv: true })
    expect(csv).toContain(`"portal","${portal.clientId}"`)
    const elsewhere = await command('progress', viewer, { ...options, province: '01' })
    expect(elsewhere).toMatch(/\ntotal +0 /)
  })

  test('has the trend day by day, in the table and as rows of the same CSV', async () => {
    const portal = await open()
    await portal.add(citizenRow('a', 'an'), citizenRow('b', 'binh'))
    await portal.enter('an')
    await foldProgress(world.db)
    const move = (day: string, counted: string) =>
      world.db.query(`update mapping_count set day = $2 where client_id = $1 and state = $3`, [
        portal.clientId,
        day,
        counted,
      ])
    // Pretend that both were imported on that day, and that one person signed in the day after.
    await move('2024-06-28', 'open')
    await move('2024-06-29', 'linked')
    const options = { client: portal.clientId, from: '2024-06-20', to: '2024-07-05' }
    const rows = (await command('progress', viewer, { ...options, csv: true }))
      .split('\r\n')
      .map((line) => line.slice(1, -1).split('","'))
    const head = rows[0]!
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([head.length]))
    const days = rows.filter(([of]) => of === 'day')
    expect(days).toHaveLength(16)
    const filled = days[9]!.flatMap((text, index) => (text === '' ? [] : [[head[index], text]]))
    const table = (await command('progress', viewer, options)).split('\n').slice(-17)
    const { trend } = await portal.report({ from: '2024-06-29', to: '2024-06-29' })
    expect(trend[0]).toMatchObject({ linked: 1, new_linked: 1 })
    const { new_linked: newLinked, new_accounts: newAccounts, linked, accounts } = trend[0]!
    expect(filled).toEqual([
      ['of', 'day'],
      ['id', '2024-06-29'],
      ['kind', 'all'],
      ['accounts', String(accounts)],
      ['linked', String(linked)],
      ['new_linked', String(newLinked)],
      ['new_accounts', String(newAccounts)],
    ])
    expect(table[0]).toMatch(/^day +new_linked +new_accounts +linked +accounts$/)
    expect(table[10]!.split(/ +/)).toEqual(
      ['2024-06-29', newLinked, newAccounts, linked, accounts].map(String),
    )
  })

  const command = (name: string, admin: AdminClient, options: Record<string, string | boolean>) =>
    runAs(admin, name, [], options)
})

describe('a report', () => {
  const portal = (clientId: string, name: string, policy = {}) => ({ clientId, name, policy })
  const same = { province: '01', kind: 'citizen', state: 'open', classes: 0, method: '' }
  const row = (clientId: string, n: number) => ({ ...same, clientId, n })
  const shape = (portals: ReturnType<typeof portal>[], now = '2024-06-20T00:00:00Z') =>
    shapeProgress(
      { rows: portals.map(({ clientId }) => row(clientId, 1)), trend: [], portals },
      Date.parse(now),
    )

  test.each(['=1+1', '+1', '-1', '@x', '\tx', '\rx'])(
    'a name that a spreadsheet would take for a formula is shown as text: %j',
    (name) => {
      expect(progressCsv(shape([portal('p', name)]))).toContain(`"portal","p","'${name}"`)
    },
  )

  test('keeps quotes, commas and line ends within their cell', () => {
    expect(progressCsv(shape([portal('p', 'a "b", c\nd')]))).toContain('"a ""b"", c\nd"')
  })

  test('writes a negative number as a number, and removes control characters from names', () => {
    expect(progressCsv(shapeProgress({ rows: [row('p', -1)], trend: [], portals: [] }, 0))).toContain('"-1"')
    expect(progressTable(shape([portal('p', 'x\u001b[2Jy')]))).not.toContain('\u001b')
  })

  const trendOf = (...days: string[]) =>
    days.map((day, index) => ({ day, newLinked: -index, newAccounts: 0, linked: 3 - index, accounts: 5 }))
  const onTrend = (...days: string[]) =>
    shapeProgress(
      { rows: [row('p', 1)], trend: trendOf(...days), portals: [portal('p', '=P')] },
      Date.parse('2024-06-20T00:00:00Z'),
    )

  test('writes a falling trend as numbers, and names as text', () => {
    const lines = progressCsv(onTrend('2024-06-19', '2024-06-20')).split('\r\n')
    expect(lines[1]).toMatch(`"portal","p","'=P","all",`)
    expect(lines.at(-2)).toMatch(/^"day","2024-06-20","","all","5",.*,"-1","0"$/)
  })

  test('shows at most fourteen days in the table unless more are requested, and no future days', () => {
    const june = Array.from({ length: 30 }, (_, index) => `2024-06-${String(index + 1).padStart(2, '0')}`)
    const daysIn = (table: string) => table.match(/^2024-\S+/gm)
    expect(daysIn(progressTable(onTrend(...june)))).toEqual(june.slice(6, 20))
    expect(daysIn(progressTable(onTrend(...june), { days: Infinity }))).toEqual(june.slice(0, 20))
  })

  test('shows in the table the days left to a future lock within the span, and to no other', () => {
    const lockLine = (...days: string[]) => /^lock: .*$/m.exec(progressTable(onTrend(...days)))?.[0]
    expect(lockLine('2024-06-20', '2024-07-01')).toBe(
      'lock: citizen grace 2024-07-01 (11 days left), organisation open 2025-07-01, foreigner open no date',
    )
    expect(lockLine('2024-06-19', '2024-06-20')).not.toContain('left')
    expect(lockLine('2025-06-30', '2025-07-01')).toMatch(/organisation open 2025-07-01 \(376 days left\)/)
  })

  test("counts the days to each portal's own lock, in Vietnam's days", () => {
    const mapping = { lock: { citizen: { grace: '2024-06-01', locked: '2024-06-22' } } }
    const { lock, portals } = shape([portal('p', 'P', { mapping })], '2024-06-20T17:30:00Z')
    expect(lock).toEqual({
      citizen: { phase: 'grace', locked_from: '2024-07-01', days_left: 10 },
      organisation: { phase: 'open', locked_from: '2025-07-01', days_left: 375 },
      foreigner: { phase: 'open' },
    })
    expect(portals[0]!.lock).toMatchObject({
      citizen: { phase: 'grace', locked_from: '2024-06-22', days_left: 1 },
    })
  })
})
