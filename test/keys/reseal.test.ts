/** The ring of keys changes under a register that is in use: sealed anew and found anew, and the old keys may go. */
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { type AdminClient, createAdminClient } from '../../src/cli/client.ts'
import { createOperator } from '../../src/operators/operators.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { readAccounts, readIdentifiers, writeAccounts, writeIdentifiers } from '../../src/store/reseal.ts'
import { sealedTables } from '../../src/store/ring.ts'
import { atEnd } from '../support/at-end.ts'
import { openProxy, startBroker } from '../support/broker-process.ts'
import { createMapping } from '../support/mapping/mapping.ts'
import { checkMapping, noFaults } from '../support/mapping/check.ts'
import { identityOf, numberOf, occasionAt } from '../support/mapping/keys.ts'
import { knownPersons } from '../support/operators/operators.ts'
import { newNumber } from '../support/operators/operators.ts'
import { recordSecrets } from '../support/record.ts'
import { openStream } from '../support/login/stream.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const isMissing = inject('databaseUrl') === undefined || inject('redisUrl') === undefined
const log = createLog({ level: 'silent' })
const people = 1_500
const citizens = 300

interface Run {
  readonly id: string
  readonly state: string
  readonly rows_total: number
  readonly rows_done: number
  readonly rows_changed: number
  readonly rows_unreadable: number
}
interface Ring {
  readonly seal: readonly { needed: boolean; tables: Record<string, number> }[]
  readonly index: readonly { needed: boolean }[]
  readonly unreadable: Record<string, number>
  readonly operators_behind: number
}
const newKey = () => {
  const key = randomBytes(32)
  recordSecrets([key.toString('base64url')])
  return key
}

describe.skipIf(isMissing)('a register in use (needs PostgreSQL and Redis)', async () => {
  if (isMissing) return
  const proxy = await openProxy()
  const world = await openWorld({ database: 'server', state: 'server', environment: { ISSUER: proxy.url } })
  const { db } = world
  await knownPersons(db, ['officer.one', 'officer.two'])
  proxy.to(`http://127.0.0.1:${world.config.listen.port}`)
  await world.register(portalDefinition('portal'))
  const portal = await world.portal({ clientId: 'portal' })
  const { keys: old } = world.config
  const grown = { ...old, seal: [newKey(), ...old.seal], index: [newKey(), ...old.index] }
  const alone = { ...old, seal: grown.seal.slice(0, 1), index: grown.index.slice(0, 1) }
  const written = (ring: readonly Buffer[]) => ring.map((key) => key.toString('base64url')).join(',')
  const settingsOf = ({ seal, index }: typeof grown) => ({
    SEAL_KEYS: written(seal),
    INDEX_KEYS: written(index),
  })
  const under = (keys: Parameters<typeof createMapping>[0]['keys'] & object) => createMapping({ db, keys })

  // What there was under the old keys: accounts, citizens and links, an open case, an approval that waits.
  const rows = Array.from({ length: people }, (_, index) => ({
    account_id: `a${index}`,
    citizen_id: numberOf(index),
    province: '01',
    name: 'Người Thử',
    ...(index % 5 === 0 ? {} : { attested_at: '2024-05-20' }),
    ...(index % 7 === 0 ? { cmnd: String(100_000_000 + index) } : {}),
  }))
  const before = under(old)
  await before.importRows('portal', ...rows)
  for (let person = 0; person < citizens; person++)
    await before.signIn(identityOf(person), occasionAt('portal'))
  const [someone] = await db.query<{ id: string }>('select id from subject order by id limit 1')
  const approval = await before.rekey(
    { subject: someone!.id, number: identityOf(900_000).identifier.reveal() },
    { actor: 'officer.one', reference: 'R', reason: 'a new number', evidence: 'file 1' },
  )

  const { privateKey, publicKey } = await generateOperatorKey()
  const { publicKey: spare } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  await createOperator(
    { db, log, actor: 'local' },
    { id: 'key.officer', roles: ['security_officer'], key: publicKey },
  )
  const officerAt = (url: string): AdminClient =>
    createAdminClient({
      url,
      audience: world.config.admin.audience,
      operatorId: 'key.officer',
      key: privateKey,
    })
  // And what operators have asked for: one more that waits, and the answer to be given again.
  const wanted = { id: 'new.viewer', roles: ['viewer'], citizen_id: newNumber() }
  const again = { idempotencyKey: randomUUID() }
  const ask = (admin: AdminClient) => admin.call<{ approval: string }>('POST', '/v1/operators', wanted, again)
  const waiting = await ask(officerAt(world.adminUrl))

  const runOf = (admin: AdminClient, id: string) => admin.call<Run>('GET', `/v1/reseals/${id}`)
  const reseal = async (admin: AdminClient) => {
    const begun = await admin.call<Run>('POST', '/v1/reseals')
    const { id } = begun
    return vi.waitFor(
      async () => {
        const run = await runOf(admin, id)
        expect(run.state).toBe('done')
        return { ...begun, ...run }
      },
      { timeout: 120_000, interval: 100 },
    )
  }
  const ringAt = (admin: AdminClient) => admin.call<Ring>('GET', '/v1/key-ring')
  const count = async (text: string) =>
    (await db.query<{ n: number }>(`select count(*)::int as n ${text}`))[0]!.n

  test('every column that holds something sealed is among those that are sealed anew', async () => {
    const columns = await db.query<{ name: string }>(
      `select table_name as name from information_schema.columns
       where table_schema = 'public' and column_name = 'sealed' order by 1`,
    )
    expect(columns.map(({ name }) => name)).toEqual(
      [...sealedTables.map(({ name }) => name), 'identifier', 'legacy_account'].toSorted(),
    )
  })

  test(
    'sealed anew under load, killed in the middle and gone on with, without a failed login or a lost link',
    { timeout: 240_000 },
    async () => {
      await world.restart(settingsOf(grown))
      const now = under(grown)
      const counted = await db.query('select * from mapping_total order by 1, 2, 3, 4, 5, 6, 7')
      const imported = await db.query(
        'select max(imported_at) as at, min(imported_at) as since from legacy_account',
      )
      let person = citizens
      // First sign-ins that link an attested account, and those of citizens who are known.
      const linking = openStream(async () => {
        const next = person + (person % 5 === 4 ? 2 : 1)
        // The last are for the tests that follow.
        const index = next < people - 10 ? (person = next) : 1
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
      onTestFinished(
        async () => void (await Promise.all([linking, knownOnes, logins].map((one) => one.stop()))),
      )

      // Somebody holds an account near the end, so the run is met in the middle whatever the machine's pace.
      const holder = new pg.Client({ connectionString: world.config.database.url })
      await holder.connect()
      atEnd(() => holder.end().catch(() => {}))
      await holder.query('begin')
      await holder.query('select 1 from legacy_account order by id desc limit 1 for update')

      const node = await startBroker(world.settings)
      const admin = officerAt(node.adminUrl)
      const begun = await admin.call<Run>('POST', '/v1/reseals')
      await expect(officerAt(world.adminUrl).call('POST', '/v1/reseals')).rejects.toMatchObject({
        code: 'state_conflict',
      })
      const half = await vi.waitFor(
        async () => {
          const run = await runOf(admin, begun.id)
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
      const stillNeeded = await ringAt(officerAt(world.adminUrl))
      expect(stillNeeded.seal[1]!.needed).toBe(true)

      const done = await vi.waitFor(() => reseal(officerAt(world.adminUrl)), {
        timeout: 120_000,
        interval: 200,
      })
      expect(done.id).toBe(begun.id)
      await Promise.all([linking.more(10), knownOnes.more(3), logins.more(3)])
      await Promise.all([linking, knownOnes, logins].map((one) => one.stop()))
      expect([linking, knownOnes, logins].flatMap(({ failed }) => failed)).toEqual([])
      expect(linking.done.length).toBeGreaterThan(10)

      const ring = await ringAt(officerAt(world.adminUrl))
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
      expect(counted.length).toBeGreaterThan(0)
      expect(
        await db.query('select max(imported_at) as at, min(imported_at) as since from legacy_account'),
      ).toEqual(imported)
    },
  )

  test(
    'while one node still writes under the old keys, they are needed, and said to be',
    { timeout: 120_000 },
    async () => {
      const backwards = { seal: grown.seal.toReversed(), index: grown.index.toReversed() }
      const laggard = await startBroker({ ...world.settings, ...settingsOf({ ...grown, ...backwards }) })
      const officer = officerAt(world.adminUrl)
      expect(await reseal(officer)).toMatchObject({ older_key_in_use: true })
      expect(await ringAt(officer)).toMatchObject({
        seal: [{}, { needed: true, tables: {} }],
        index: [{}, { needed: true }],
      })
      laggard.kill('SIGKILL')
      await laggard.ended
      await reseal(officer)
      expect(await reseal(officer)).toMatchObject({ older_key_in_use: false })
      expect(await ringAt(officer)).toMatchObject({
        seal: [{}, { needed: false }],
        index: [{}, { needed: false }],
      })
    },
  )

  test(
    'then the old keys leave the configuration, everybody is still known, and nothing looks changed',
    { timeout: 120_000 },
    async () => {
      await world.restart(settingsOf(alone))
      const now = under(alone)
      const subjects = await count('from subject')
      for (let person = 1; person < citizens; person += 20) {
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
      expect(await ask(officerAt(world.adminUrl))).toEqual(waiting)
      expect(await officerAt(world.adminUrl).call('GET', '/v1/approvals')).toMatchObject({
        approvals: [{ id: waiting.approval, asks: { id: wanted.id } }],
      })

      // Rows of an index key that is not in the ring any more go with the next run.
      const officer = officerAt(world.adminUrl)
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
      expect(events.map(({ event }) => event)).toEqual([
        'key.reseal_begun',
        ...Array.from({ length: 6 }, () => ['key.reseal_begun', 'key.reseal_ended']).flat(),
      ])
    },
  )

  test('an account that is sealed anew between the two statements of a login is linked all the same', async () => {
    const person = people - 1
    let isTouched = false
    const mapping = createMapping({
      keys: alone,
      db: {
        ...db,
        async query<Row extends object>(text: string, values?: readonly unknown[]) {
          if (!isTouched && text.includes('eligible as (')) {
            isTouched = true
            await db.query('update legacy_account set sealed = sealed where identifier_key = $1', [
              mapping.citizenKeys.keys(identityOf(person).identifier)[0],
            ])
          }
          return db.query<Row>(text, values)
        },
      },
    })
    const { links } = await mapping.signIn(identityOf(person), occasionAt('portal'))
    expect({ isTouched, links: links.length }).toEqual({ isTouched: true, links: 1 })
    expect(
      await count(`from audit_event where event = 'login.completed' and subject_id = (
      select subject_id from account_link where id = '${links[0]!.id}')`),
    ).toBe(1)
  })

  test('what an import wrote between reading and writing is not overwritten by what was read', async () => {
    const now = under(alone)
    const [first] = await readAccounts(db, { after: null, limit: 1 })
    const { accountId } = now.records.open(first!.accountKey, first!.sealed)
    const told = rows.find(({ account_id: id }) => id === accountId)!
    const { results } = await now.importRows('portal', { ...told, name: 'Người Mới' })
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

  test('a number that was moved to another person between reading and writing leads where it was moved', async () => {
    const now = under(alone)
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

  test(
    'an index key that only an operator who stayed away is known by is not let go',
    { timeout: 120_000 },
    async () => {
      const { citizenKeys } = under(alone)
      const citizen = { type: 'citizen_id', keys: citizenKeys.keys(identityOf(910_000).identifier) } as const
      await createOperator(
        { db, log, actor: 'local' },
        { id: 'away', roles: ['viewer'], key: spare, citizen },
      )
      const longer = { ...alone, index: [newKey(), ...alone.index] }
      await world.restart(settingsOf(longer))
      const officer = officerAt(world.adminUrl)
      await reseal(officer)
      expect(await ringAt(officer)).toMatchObject({ operators_behind: 1, index: [{}, { needed: true }] })
      // The person comes, and is found under the new key from the next run on.
      await under(longer).signIn(identityOf(910_000), occasionAt('portal'))
      await reseal(officer)
      expect(await ringAt(officer)).toMatchObject({ operators_behind: 0, index: [{}, { needed: false }] })
    },
  )

  test(
    'a row that does not open is named and passed by, and keeps its keys needed until it opens',
    { timeout: 120_000 },
    async () => {
      const [SEAL_KEYS, INDEX_KEYS] = ['SEAL_KEYS', 'INDEX_KEYS'].map((name) =>
        [newKey().toString('base64url'), world.settings[name]!.split(',')[0]].join(),
      )
      await world.restart({ SEAL_KEYS: SEAL_KEYS!, INDEX_KEYS: INDEX_KEYS! })
      const flip = (id: string) =>
        db.query(
          'update legacy_account set sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) where id = $1',
          [id],
        )
      const [broken] = await db.query<{ id: string }>(
        'select id::text from legacy_account order by id limit 1',
      )
      await flip(broken!.id)
      const officer = officerAt(world.adminUrl)
      expect(await reseal(officer)).toMatchObject({ fault: null, rows_unreadable: 1 })
      const told = world.logLines.filter((line) => line.includes('reseal.row_unreadable'))
      expect(told.map((line) => JSON.parse(line) as object)).toEqual([
        expect.objectContaining({ table: 'legacy_account', row: broken!.id }),
      ])
      expect(await ringAt(officer)).toMatchObject({
        seal: [{}, { needed: true, tables: { legacy_account: 1 } }],
        index: [{}, { needed: true }],
      })
      await flip(broken!.id)
      expect(await reseal(officer)).toMatchObject({ rows_unreadable: 0, rows_changed: 1 })
      expect(await ringAt(officer)).toMatchObject({
        seal: [{}, { needed: false, tables: {} }],
        index: [{}, { needed: false }],
      })
    },
  )

  test(
    'a node that is stopped does not wait for a row that somebody holds, and the run is gone on with',
    { timeout: 120_000 },
    async () => {
      await world.restart({
        SEAL_KEYS: [newKey().toString('base64url'), world.settings['SEAL_KEYS']!.split(',')[0]].join(),
      })
      const holder = new pg.Client({ connectionString: world.config.database.url })
      await holder.connect()
      atEnd(() => holder.end().catch(() => {}))
      await holder.query('begin')
      await holder.query('select 1 from legacy_account order by id desc limit 1 for update')
      const begun = await officerAt(world.adminUrl).call<Run>('POST', '/v1/reseals')
      await vi.waitFor(
        async () => {
          const waits = await db.query(
            `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%update legacy_account%'`,
          )
          expect(waits).toHaveLength(1)
        },
        { timeout: 60_000, interval: 50 },
      )
      const restarted = world.restart().then(() => 'restarted')
      expect(await Promise.race([restarted, sleep(20_000, 'waiting')])).toBe('restarted')
      expect(await runOf(officerAt(world.adminUrl), begun.id)).toMatchObject({
        state: 'unfinished',
        fault: 'state_conflict',
      })
      await holder.query('rollback')
      expect((await reseal(officerAt(world.adminUrl))).id).toBe(begun.id)
    },
  )
})

test('on the embedded database as well', { timeout: 120_000 }, async () => {
  const world = await openWorld({ database: 'embedded', state: 'embedded' })
  await world.register(portalDefinition('portal'))
  const portal = await world.portal({ clientId: 'portal' })
  await world.legacyAccount({ clientId: 'portal', accountId: 'old', number: citizenNamed('an').number })
  const { claims } = await portal.signIn()
  const { seal, index } = world.config.keys
  const [newSeal, newIndex] = [newKey(), newKey()].map((key) => key.toString('base64url'))
  await world.restart({
    SEAL_KEYS: `${newSeal},${seal[0]!.toString('base64url')}`,
    INDEX_KEYS: `${newIndex},${index[0]!.toString('base64url')}`,
  })
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  await createOperator(
    { db: world.db, log, actor: 'local' },
    { id: 'officer', roles: ['security_officer'], key: publicKey },
  )
  const admin = createAdminClient({
    url: world.adminUrl,
    audience: world.config.admin.audience,
    operatorId: 'officer',
    key: privateKey,
  })
  const { id } = await admin.call<Run>('POST', '/v1/reseals')
  await vi.waitFor(
    async () => expect(await admin.call('GET', `/v1/reseals/${id}`)).toMatchObject({ state: 'done' }),
    {
      timeout: 30_000,
    },
  )
  expect(await admin.call('GET', '/v1/key-ring')).toMatchObject({
    seal: [{ needed: true }, { needed: false, tables: {} }],
    index: [{ needed: true }, { needed: false }],
  })
  await world.restart({ SEAL_KEYS: newSeal!, INDEX_KEYS: newIndex! })
  expect((await portal.signIn()).claims.sub).toBe(claims.sub)
})
