/** A process re-seals a register while citizens sign in, and is killed in the middle. */
import pg from 'pg'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { sealedTables } from '../../src/store/ring.ts'
import { atEnd } from '../support/at-end.ts'
import { openProxy, startBroker } from '../support/broker-process.ts'
import {
  type Run,
  newOperatorRequest,
  openOfficer,
  openRegister,
  reseal,
  ringAt,
  runOf,
  settingsOf,
} from '../support/keys/register.ts'
import { openStream } from '../support/login/stream.ts'
import { checkMapping, noFaults } from '../support/mapping/check.ts'
import { identityOf, occasionAt } from '../support/mapping/keys.ts'
import { knownPersons } from '../support/operators/operators.ts'
import { openWorld } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined || inject('redisUrl') === undefined
/** `RESEAL_PEOPLE` makes the register larger, and the run longer. */
const people = Number(process.env.RESEAL_PEOPLE ?? 400)
const citizens = people / 5

describe.skipIf(isMissing)('a register in use (needs PostgreSQL and Redis)', async () => {
  if (isMissing) return
  const proxy = await openProxy()
  const world = await openWorld({
    database: 'server',
    state: 'server',
    environment: { ISSUER: proxy.url },
    periods: { claim: 100 },
  })
  const { db } = world
  proxy.to(`http://127.0.0.1:${world.config.listen.port}`)
  await knownPersons(db, ['officer.one', 'officer.two'])
  const { grown, alone, under, askRekey } = await openRegister(world, { people, citizens })
  const portal = await world.portal({ clientId: 'portal' })
  await askRekey()
  const officerAt = await openOfficer(world)
  await newOperatorRequest().send(officerAt(world.adminUrl))

  test(
    're-sealing under load, killed in the middle and continued, causes no failed login and no lost link',
    { timeout: 240_000 },
    async () => {
      await world.restart(settingsOf(grown))
      const now = under(grown)
      const imported = await db.query(
        'select max(imported_at) as at, min(imported_at) as since from legacy_account',
      )
      let person = citizens
      // First sign-ins that link an attested account, and those of citizens who are known.
      const linking = openStream(async () => {
        const next = person + (person % 5 === 4 ? 2 : 1)
        const index = next < people ? (person = next) : 1
        const { links } = await now.signIn(identityOf(index), occasionAt('portal'))
        expect(links).toHaveLength(1)
        return index
      })
      const knownOnes = openStream(async () => {
        const index = 1 + Math.floor(Math.random() * (citizens - 1))
        const { links } = await now.signIn(identityOf(index), occasionAt('portal'))
        expect([index, links.length]).toEqual([index, index % 5 === 0 ? 0 : 1])
      }, 1)
      const logins = openStream(async () => void (await portal.signIn()), 1)
      const streams = [linking, knownOnes, logins]
      const stop = () => Promise.all(streams.map((one) => one.stop()))
      onTestFinished(async () => void (await stop()))

      // A lock on an account near the end stops the run there, so that the kill meets it in the middle at any pace.
      const holder = new pg.Client({ connectionString: world.config.database.url })
      await holder.connect()
      atEnd(() => holder.end().catch(() => {}))
      await holder.query('begin')
      await holder.query('select 1 from legacy_account order by id desc limit 1 for update')

      const node = await startBroker(world.settings)
      const begun = await officerAt(node.adminUrl).call<Run>('POST', '/v1/reseals')
      const officer = officerAt(world.adminUrl)
      await expect(officer.call('POST', '/v1/reseals')).rejects.toMatchObject({ code: 'state_conflict' })
      const half = await vi.waitFor(
        async () => {
          const run = await runOf(officer, begun.id)
          expect(run.rows_done).toBeGreaterThanOrEqual(begun.rows_total - 150)
          return run
        },
        { timeout: 120_000, interval: 50 },
      )
      expect(half.state).toBe('unfinished')
      node.kill('SIGKILL')
      await node.ended
      await expect(startBroker({ ...world.settings, ...settingsOf(alone) })).rejects.toThrow(
        /SEAL_KEYS lacks a key .*\n.*INDEX_KEYS lacks a key/,
      )
      await holder.query('rollback')
      expect((await ringAt(officer)).seal[1]!.needed).toBe(true)

      // PostgreSQL may not have noticed yet that the killed process is gone, and then holds its lock.
      const done = await vi.waitFor(() => reseal(officer), { timeout: 120_000, interval: 200 })
      expect(done.id).toBe(begun.id)
      await Promise.all([linking.more(10), knownOnes.more(3), logins.more(3)])
      await stop()
      expect(streams.flatMap(({ failed }) => failed)).toEqual([])
      expect(linking.done.length).toBeGreaterThan(10)

      const ring = await ringAt(officer)
      expect(ring.seal[1]).toMatchObject({ needed: false, tables: {} })
      expect(ring.index[1]).toEqual({ ...ring.index[1], needed: false })
      expect(ring.unreadable).toEqual({})
      for (const name of ['identifier', 'legacy_account', ...sealedTables.map((table) => table.name)])
        expect([name, ring.seal[0]!.tables[name]! > 0]).toEqual([name, true])
      expect(await checkMapping(db)).toEqual(noFaults)
      const isAccount = `method = '' and state in ('open', 'linked', 'in_review')`
      expect(await db.query(`select sum(n)::int as n from mapping_total where ${isAccount}`)).toEqual([
        { n: people },
      ])
      expect(
        await db.query('select max(imported_at) as at, min(imported_at) as since from legacy_account'),
      ).toEqual(imported)
      const events = await db.query<{ event: string }>(
        `select event from audit_event where event like 'key.reseal%' order by id`,
      )
      expect(events.map(({ event }) => event)).toEqual([
        'key.reseal_begun',
        'key.reseal_begun',
        'key.reseal_ended',
      ])
    },
  )
})
