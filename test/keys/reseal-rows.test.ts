/** Re-seals a row while a login, an import or an approval changes it. No change is lost. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { readAccounts, readIdentifiers, writeAccounts, writeIdentifiers } from '../../src/store/reseal.ts'
import { openRegister } from '../support/keys/register.ts'
import { createMapping } from '../support/mapping/mapping.ts'
import { identityOf, occasionAt } from '../support/mapping/keys.ts'
import { knownPersons } from '../support/operators/operators.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld()
const { db } = world
await knownPersons(db, ['officer.one', 'officer.two'])
const { rows, old: keys, under, count } = await openRegister(world, { people: 12, citizens: 1 })
const now = under(keys)

test('an account that is re-sealed between the two statements of a login is still linked', async () => {
  let isTouched = false
  const mapping = createMapping({
    keys,
    db: {
      ...db,
      async query<Row extends object>(text: string, values?: readonly unknown[]) {
        if (!isTouched && text.includes('eligible as (')) {
          isTouched = true
          await db.query('update legacy_account set sealed = sealed where identifier_key = $1', [
            mapping.citizenKeys.keys(identityOf(11).identifier)[0],
          ])
        }
        return db.query<Row>(text, values)
      },
    },
  })
  const { links } = await mapping.signIn(identityOf(11), occasionAt('portal'))
  expect({ isTouched, links: links.length }).toEqual({ isTouched: true, links: 1 })
  expect(
    await count(`from audit_event where event = 'login.completed' and subject_id = (
      select subject_id from account_link where id = '${links[0]!.id}')`),
  ).toBe(1)
})

test('data that an import writes between the read and the write of re-sealing is not overwritten', async () => {
  const [first] = await readAccounts(db, { after: null, limit: 1 })
  const { accountId } = now.records.open(first!.accountKey, first!.sealed)
  const imported = rows.find(({ account_id: id }) => id === accountId)!
  const { results } = await now.importRows('portal', { ...imported, name: 'Người Mới' })
  expect(results).toMatchObject({ changed: 1 })
  const change = {
    ...first!,
    was: first!.sealed,
    sealed: now.records.seal(first!.accountKey, { accountId }),
  }
  expect(await writeAccounts(db, [change], true)).toEqual([])
  const [row] = await readAccounts(db, { ids: [first!.id] })
  expect(now.records.open(row!.accountKey, row!.sealed)).toMatchObject({ accountId, name: 'Người Mới' })
  expect(await writeAccounts(db, [{ ...row!, was: row!.sealed }], true)).toEqual([first!.id])
})

test('a number that was moved to another person between the read and the write leads to that person', async () => {
  const [from, to] = [identityOf(920_000), identityOf(920_001)]
  const { subjectId } = await now.signIn(from, occasionAt('portal'))
  await now.signIn(to, occasionAt('portal'))
  const owning = `select i.id, i.subject_id as subject from identifier_key k
    join identifier i on i.id = k.identifier_id where k.key = $1`
  const ownerOf = async (key: Buffer) => (await db.query<{ id: string; subject: string }>(owning, [key]))[0]
  const [leads] = now.citizenKeys.keys(to.identifier)
  const [read] = await readIdentifiers(db, { ids: [(await ownerOf(leads!))!.id] })
  const asked = { actor: 'officer.one', reference: 'R', reason: 'a new number', evidence: 'file 2' }
  const moved = await now.rekey({ subject: subjectId, number: to.identifier.reveal() }, asked)
  await now.approve(moved, { actor: 'officer.two', reference: 'R' })

  const further = randomBytes(32)
  const change = { ...read!, was: read!.sealed, keys: [further, ...read!.keys] }
  const write = () =>
    db.session((session) => session.transaction((tx) => writeIdentifiers(tx, [change], true)))
  expect(await write()).toEqual([read!.id])
  expect(await ownerOf(leads!)).toMatchObject({ subject: subjectId })
  expect(await ownerOf(further)).toBeUndefined()
  expect((await now.signIn(to, occasionAt('portal'))).subjectId).toBe(subjectId)
})
