/** A portal's cursor after the database has lost its newest changes: it continues, or is refused, but never skips a change. */
import { expect, test } from 'vitest'
import { type Change, createCallers } from '../support/portals/callers.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld()
const callers = createCallers(world)

test('a cursor from before the restore never skips a change that took its position', async () => {
  const portal = await callers.open()
  for (const account of ['old-1', 'old-2', 'old-3']) await portal.account(account, 'an')
  await portal.enter('an')
  const before = await portal.changes()
  expect(before.changes).toHaveLength(3)

  // The dump contains two of three changes.
  const [gone] = await world.db.query<{ link_id: string; account_id: string }>(
    'delete from link_change where client_id = $1 and position = 3 returning link_id, account_id::text',
    [portal.clientId],
  )
  await world.db.query('delete from account_link where id = $1', [gone!.link_id])
  await world.db.query(`update legacy_account set state = 'open' where id = $1::bigint`, [gone!.account_id])
  const [kept] = await world.db.query<{ id: string }>(
    'select link_id as id from link_change where client_id = $1 and position = 1',
    [portal.clientId],
  )
  // The cursor is ahead of the restored changes.
  const refused = { status: 410, body: { code: 'cursor_gone' } }
  expect(await portal.call(`changes?after=${before.next}`)).toMatchObject(refused)
  await world.db.query(
    `update account_link set unlinked_at = now(), unlinked_by = 'test', unlink_reason = 'test' where id = $1`,
    [kept!.id],
  )
  // A portal within the dump continues where it was.
  const within = await portal.changes(`?after=${before.changes[1]!.cursor}`)
  expect(within.changes).toMatchObject([{ change: 'unlinked' }])
  // The change at the third position is another one now.
  expect(within.next.split('~')[0]).toBe(before.next.split('~')[0])
  expect(await portal.call(`changes?after=${before.next}`)).toMatchObject(refused)
  const again = await portal.changes('?after=0')
  const names = (changes: readonly Change[]) => changes.map(({ cursor }) => cursor)
  expect(names(again.changes)).toEqual([...names(before.changes).slice(0, 2), within.next])
})

test('a cursor with an invented mark, or of another portal, is refused', async () => {
  const [one, other] = [await callers.open(), await callers.open()]
  for (const portal of [one, other]) {
    await portal.account('old-1', 'an')
    await portal.enter('an')
  }
  const { next } = await other.changes()
  await one.changes()
  for (const after of [
    next,
    '1~0123456789abcdef',
    '2~0123456789abcdef',
    '999999999999999999~0123456789abcdef',
  ])
    expect(await one.call(`changes?after=${after}`)).toMatchObject({
      status: 410,
      body: { code: 'cursor_gone' },
    })
})
