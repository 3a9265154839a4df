/** The progress of the mapping: exact after every kind of write, without counting the accounts. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AdminClient } from '../../src/cli/client.ts'
import { vietnamDate } from '../../src/vietnam-date.ts'
import type { ProgressReport, Tally } from '../../src/mapping/progress.ts'
import type { Db } from '../../src/store/db.ts'
import { foldProgress, listPortals, readProgress, readTrend } from '../../src/store/progress.ts'
import { citizenRow, openCounted } from '../support/mapping/counted-portals.ts'
import { checkMapping, noFaults } from '../support/mapping/check.ts'
import { openWorld, type World } from '../support/world.ts'

const today = () => vietnamDate(Date.now())
/** The counts that are not zero. */
const present = (counts: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(counts).filter(([, n]) => n !== 0))
const brief = ({ accounts, states, classes, links }: Tally) => ({
  accounts,
  ...present(states),
  ...(Object.keys(present(links)).length > 0 && { links: present(links) }),
  ...(Object.keys(present(classes)).length > 0 && { classes: present(classes) }),
})

describe('progress', () => {
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

  test('has accounts by kind and state, classes, and links by method', async () => {
    const portal = await open()
    await portal.add(
      citizenRow('old-1', 'an'),
      citizenRow('old-2', 'chi', { attested_at: undefined }),
      { account_id: 'nobody', kind: 'citizen' },
      { account_id: 'clerk', kind: 'staff' },
    )
    expect(brief((await portal.report()).total.all)).toEqual({
      accounts: 4,
      open: 3,
      exempt: 1,
      classes: { not_attested: 1, missing_number: 2, staff_account: 1 },
    })
    await portal.enter('an')
    await portal.enter('chi')
    const { portals, total } = await portal.report()
    expect(portals).toMatchObject([{ client: portal.clientId, name: `Cổng ${portal.clientId}` }])
    expect(portals[0]!.kinds).toEqual(total)
    expect(Object.keys(total)).toEqual(['all', 'citizen', 'staff'])
    expect(brief(total.citizen!)).toEqual({
      accounts: 3,
      open: 1,
      linked: 1,
      in_review: 1,
      links: { attested_number: 1 },
      classes: { not_attested: 1, missing_number: 1 },
    })
    expect(brief(total.staff!)).toEqual({
      accounts: 1,
      exempt: 1,
      classes: { missing_number: 1, staff_account: 1 },
    })
    expect(await checkMapping(world.db)).toEqual(noFaults)
  })

  test("counts an account without a province for its portal's province, and a ministry's for none", async () => {
    const [provincial, ministry] = [await open({ province: '79' }), await open()]
    await provincial.add(citizenRow('a', 'an'), citizenRow('b', 'binh', { province: '01' }))
    await ministry.add(citizenRow('a', 'an'), citizenRow('b', 'binh', { province: '79' }))
    const told = ({ provinces }: ProgressReport) =>
      provinces.map(({ province, kinds }) => [province, kinds.all.accounts])
    expect(told(await provincial.report())).toEqual([
      ['01', 1],
      ['79', 1],
    ])
    expect(told(await ministry.report())).toEqual([
      ['79', 1],
      ['ministry', 1],
    ])
    expect(told(await ministry.report({ province: '79' }))).toEqual([['79', 1]])
    expect((await ministry.report({ province: 'ministry' })).total.all.accounts).toBe(1)
    const everywhere = await viewer.call<ProgressReport>('GET', '/v1/progress?province=79')
    const here = everywhere.portals.filter(({ client }) =>
      [provincial.clientId, ministry.clientId].includes(client),
    )
    expect(here.map(({ kinds }) => kinds.all.accounts)).toEqual([1, 1])
  })

  test('follows every change: a new province, another kind, the end of a link', async () => {
    const portal = await open()
    await portal.add(citizenRow('a', 'an'), citizenRow('b', 'binh'))
    await portal.enter('an')
    await portal.add(citizenRow('a', 'an', { province: '01' }), citizenRow('b', 'binh', { province: '02' }))
    const provinces = async () =>
      (await portal.report()).provinces.map(({ province, kinds }) => [province, brief(kinds.all)])
    expect(await provinces()).toEqual([
      ['01', { accounts: 1, linked: 1, links: { attested_number: 1 } }],
      ['02', { accounts: 1, open: 1 }],
    ])
    // Direct SQL counts too.
    await world.db.query(
      `update legacy_account set kind = 'foreigner', province = '03' where client_id = $1 and state = 'linked'`,
      [portal.clientId],
    )
    expect(await provinces()).toEqual([
      ['02', { accounts: 1, open: 1 }],
      ['03', { accounts: 1, linked: 1, links: { attested_number: 1 } }],
    ])
    expect(Object.keys((await portal.report()).total)).toEqual(['all', 'citizen', 'foreigner'])
    const [link] = await world.db.query<{ account: string; id: string }>(
      'select account_id::text as account, id from account_link where client_id = $1',
      [portal.clientId],
    )
    await officer.call('POST', `/v1/accounts/${link!.account}/links/${link!.id}/end`, {
      reason: 'another owner',
    })
    expect(brief((await portal.report()).total.all)).toEqual({ accounts: 2, open: 1, in_review: 1 })
    expect(await checkMapping(world.db)).toEqual(noFaults)
  })

  test('stays exact under concurrent links, unlinks, imports and folds', async () => {
    const portals = [await open(), await open({ province: '48' })]
    const people = ['an', 'binh', 'chi', 'dung', 'hoa', 'giang', 'an2']
    const rows = people.map((name, index) => citizenRow(`old-${name}`, name, { province: `0${index}` }))
    for (const { add } of portals) await add(...rows)
    // The simulator approves one citizen at a time, so accounts are linked by hand.
    const subject = randomUUID()
    await world.db.query(`insert into subject (id, kind) values ($1, 'citizen')`, [subject])
    const writing = Promise.all(
      portals.flatMap(({ clientId, add }) => [
        add(...rows.map((row) => ({ ...row, province: '99' }))),
        ...people.map((name) => linkAndUnlink(clientId, `old-${name}`, subject)),
      ]),
    )
    const over = new AbortController()
    const end = () => over.abort()
    writing.then(end, end)
    const folding = (async () => {
      while (!over.signal.aborted) await Promise.all([foldProgress(world.db, 3), foldProgress(world.db, 5)])
    })()
    const reading = (async () => {
      while (!over.signal.aborted) {
        const { total } = await portals[0]!.report()
        // No change is lost or counted twice between its row and the folded count.
        expect(total.all.accounts).toBe(people.length)
      }
    })()
    await Promise.all([writing, folding, reading])
    for (const portal of portals) {
      const { total, provinces } = await portal.report()
      expect(brief(total.all)).toEqual({ accounts: 7, linked: 7, links: { operators: 7 } })
      expect(provinces.map(({ province }) => province)).toEqual(['99'])
    }
    expect((await checkMapping(world.db)).tallyOff).toBe(0)
  })
  /** Links, unlinks and links again, each in its own transaction. */
  async function linkAndUnlink(clientId: string, accountId: string, subject: string): Promise<void> {
    const key = world.records.accountKey(clientId, accountId)
    const detail = `jsonb_build_object('link', made.id)`
    for (let round = 0; round < 2; round++) {
      await world.db.query(
        `with moved as (
             update legacy_account set state = 'linked' where client_id = $1 and account_key = $2 returning id),
           made as (
             insert into account_link (account_id, client_id, subject_id, method, evidence, linked_by)
             select id, $1, $3, 'operators', '{}', 'test' from moved returning id)
           insert into audit_event (class, event, actor, detail) select 'link', 'link.created', 'test', ${detail} from made`,
        [clientId, key, subject],
      )
      if (round > 0) return
      await world.db.query(
        `with moved as (
             update legacy_account set state = 'open' where client_id = $1 and account_key = $2 returning id),
           made as (
             update account_link l set unlinked_at = now(), unlinked_by = 'test', unlink_reason = 'test'
             from moved where l.account_id = moved.id and l.unlinked_at is null returning l.id)
           insert into audit_event (class, event, actor, detail) select 'link', 'link.ended', 'test', ${detail} from made`,
        [clientId, key],
      )
    }
  }

  test('does not change when a fold empties the appended changes', async () => {
    const before = await viewer.call<ProgressReport>('GET', '/v1/progress')
    await foldProgress(world.db)
    const left = await world.db.query('select 1 from mapping_change')
    expect(left).toEqual([])
    const after = await viewer.call<ProgressReport>('GET', '/v1/progress')
    expect({ ...after, at: '' }).toEqual({ ...before, at: '' })
    expect(await foldProgress(world.db)).toBe(0)
    expect((await checkMapping(world.db)).tallyOff).toBe(0)
  })

  test('has a daily trend up to the lock date, starting from the earlier counts', async () => {
    const portal = await open({
      mapping: { lock: { citizen: { grace: '2024-06-15', locked: '2024-07-01' } } },
    })
    await portal.add(citizenRow('a', 'an'), citizenRow('b', 'binh'), citizenRow('c', 'chi'))
    await foldProgress(world.db)
    // Pretend that they were imported on that day.
    await world.db.query(`update mapping_count set day = '2024-06-28' where client_id = $1`, [
      portal.clientId,
    ])
    await portal.enter('an')
    await foldProgress(world.db)
    await world.db.query(
      `update mapping_count set day = '2024-06-30' where client_id = $1 and day = vietnam_date()`,
      [portal.clientId],
    )
    await portal.enter('binh')
    const { trend } = await portal.report({ from: '2024-06-29', to: '2024-07-01' })
    expect(trend).toEqual([
      { day: '2024-06-29', new_linked: 0, new_accounts: 0, linked: 0, accounts: 3 },
      { day: '2024-06-30', new_linked: 1, new_accounts: 0, linked: 1, accounts: 3 },
      { day: '2024-07-01', new_linked: 0, new_accounts: 0, linked: 1, accounts: 3 },
    ])
    const recent = (await portal.report()).trend
    expect(recent).toHaveLength(30)
    expect(recent.at(-1)).toEqual({
      day: today(),
      new_linked: 1,
      new_accounts: 0,
      linked: 2,
      accounts: 3,
    })
    const inProvince = await portal.report({ from: today(), to: today(), province: 'ministry' })
    expect(inProvince.trend).toMatchObject([{ linked: 2, accounts: 3 }])
    const elsewhere = await portal.report({ from: today(), to: today(), province: '01' })
    expect(elsewhere.trend).toMatchObject([{ linked: 0, accounts: 0 }])
  })

  test('is read from the counts and never from the accounts', async () => {
    const plans: string[] = []
    const explained: Db = {
      ...world.db,
      async query(text, values) {
        const plan = await world.db.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values)
        plans.push(plan.map((line) => line['QUERY PLAN']).join('\n'))
        return world.db.query(text, values)
      },
    }
    await readProgress(explained, {})
    await readProgress(explained, { clientId: 'portal-1', province: '01' })
    await readTrend(explained, { from: today(), to: today() })
    await listPortals(explained)
    expect(plans).toHaveLength(4)
    expect(plans[0]).toContain('mapping_count')
    for (const plan of plans) expect(plan).not.toMatch(/legacy_account|account_link/)
  })
})
