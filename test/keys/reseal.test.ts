/** The key ring changes: all stored data is re-sealed and re-hashed, and then the old keys can be removed. */
import { describe, expect, inject, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { sealedTables } from '../../src/store/ring.ts'
import {
  newKey,
  newOperatorRequest,
  openOfficer,
  openRegister,
  reseal,
  ringAt,
  settingsOf,
} from '../support/keys/register.ts'
import { identityOf, occasionAt } from '../support/mapping/keys.ts'
import { openNode } from '../support/node.ts'
import { knownPersons } from '../support/operators/operators.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined || inject('redisUrl') === undefined
const people = 60
const citizens = 21
/** Long enough that a node on a busy machine claims its keys in every second period. */
const periods = { claim: 250 }

describe.skipIf(isMissing)('a ring that grows and shrinks (needs PostgreSQL and Redis)', async () => {
  if (isMissing) return
  const world = await openWorld({ database: 'server', state: 'server', periods })
  const { db } = world
  await knownPersons(db, ['officer.one', 'officer.two'])
  const { rows, grown, alone, under, count, askRekey } = await openRegister(world, { people, citizens })
  const portal = await world.portal({ clientId: 'portal' })
  const approval = await askRekey()
  const officerAt = await openOfficer(world)
  const { wanted, send } = newOperatorRequest()
  const waiting = await send(officerAt(world.adminUrl))

  test('every column with sealed data is in the list of columns that are re-sealed', async () => {
    const columns = await db.query<{ name: string }>(
      `select table_name as name from information_schema.columns
       where table_schema = 'public' and column_name = 'sealed' order by 1`,
    )
    expect(columns.map(({ name }) => name)).toEqual(
      [...sealedTables.map(({ name }) => name), 'identifier', 'legacy_account'].toSorted(),
    )
  })

  test('while one node still writes under the old keys, they are needed and reported as needed', async () => {
    await world.restart(settingsOf(grown))
    const backwards = { seal: grown.seal.toReversed(), index: grown.index.toReversed() }
    const laggard = await openNode(world.settings, { changes: settingsOf(backwards), periods })
    const officer = officerAt(world.adminUrl)
    expect(await reseal(officer)).toMatchObject({ older_key_in_use: true })
    expect(await ringAt(officer)).toMatchObject({
      seal: [{}, { needed: true, tables: {} }],
      index: [{}, { needed: true }],
    })
    await laggard.stop()
    await reseal(officer)
    expect(await reseal(officer)).toMatchObject({ older_key_in_use: false })
    expect(await ringAt(officer)).toMatchObject({
      seal: [{}, { needed: false }],
      index: [{}, { needed: false }],
    })
  })

  test('then the old keys are removed, every person is still known, and no row looks changed', async () => {
    await world.restart(settingsOf(alone))
    const now = under(alone)
    const subjects = await count('from subject')
    for (let person = 1; person < citizens; person += 4) {
      const { links } = await now.signIn(identityOf(person), occasionAt('portal'))
      expect(links).toHaveLength(person % 5 === 0 ? 0 : 1)
    }
    const last = people - 2
    expect((await now.signIn(identityOf(last), occasionAt('portal'))).links).toHaveLength(1)
    expect(await count('from subject')).toBe(subjects + 1)
    await portal.signIn()
    expect((await now.importRows('portal', ...rows)).results).toEqual({
      accepted: 0,
      unchanged: people,
      changed: 0,
      refused: 0,
    })
    await now.approve(approval, { actor: 'officer.two', reference: 'R' })
    const officer = officerAt(world.adminUrl)
    expect(await send(officer)).toEqual(waiting)
    expect(await officer.call('GET', '/v1/approvals')).toMatchObject({
      approvals: [{ id: waiting.approval, asks: { id: wanted.id } }],
    })

    // The next run deletes hashes under an index key that was removed from the ring.
    const leading =
      'from identifier i where exists (select from identifier_key k where k.identifier_id = i.id)'
    expect(await count('from identifier_key')).toBeGreaterThan(await count(leading))
    const run = await reseal(officer)
    expect(run.rows_done).toBe(run.rows_total)
    expect(await count('from identifier_key')).toBe(await count(leading))
    expect((await reseal(officer)).rows_changed).toBe(0)
    const events = await db.query<{ event: string }>(
      `select event from audit_event where event like 'key.reseal%' order by id`,
    )
    expect(events.map(({ event }) => event)).toEqual(
      Array.from({ length: 5 }, () => ['key.reseal_begun', 'key.reseal_ended']).flat(),
    )
  })
})

test('keys are also re-sealed on the embedded database', { timeout: 120_000 }, async () => {
  const world = await openWorld({ database: 'embedded', state: 'embedded', periods: { claim: 50 } })
  await world.register(portalDefinition('portal'))
  const portal = await world.portal({ clientId: 'portal' })
  await world.legacyAccount({ clientId: 'portal', accountId: 'old', number: citizenNamed('an').number })
  const { claims } = await portal.signIn()
  const { seal, index } = world.config.keys
  const grown = { seal: [newKey(), ...seal], index: [newKey(), ...index] }
  await world.restart(settingsOf(grown))
  const officer = (await openOfficer(world))(world.adminUrl)
  await reseal(officer)
  expect(await ringAt(officer)).toMatchObject({
    seal: [{ needed: true }, { needed: false, tables: {} }],
    index: [{ needed: true }, { needed: false }],
  })
  await world.restart(settingsOf({ seal: grown.seal.slice(0, 1), index: grown.index.slice(0, 1) }))
  expect((await portal.signIn()).claims.sub).toBe(claims.sub)
})
