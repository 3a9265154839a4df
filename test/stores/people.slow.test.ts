/** The database's own rules about people, portals, keys and the audit, on a server and embedded. */
import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { Identifier } from '../../src/citizen-id.ts'
import type { Requirement } from '../../src/oidc/policy.ts'
import { findClients, listClients, listClientVersions, putClient } from '../../src/store/clients.ts'
import { type Database, openDatabase } from '../../src/store/db.ts'
import { insertSigningKey, listCalendar, retireSigningKeys } from '../../src/store/keys.ts'
import { migrate } from '../../src/store/migrate.ts'
import { findForSignIn, writeSignIn } from '../../src/store/subjects.ts'
import type { Identity } from '../../src/upstream/upstream.ts'
import { type Mapping, createMapping } from '../support/mapping/mapping.ts'
import { freshDatabase } from '../support/world.ts'

const [oldKey, newKey] = [randomBytes(32), randomBytes(32)]
const otherKeys = { seal: [randomBytes(32)], pairwise: randomBytes(32) }

let serial = 0
const newNumber = () => Identifier.parse('citizen_id', `001090${String(++serial).padStart(6, '0')}`)
const someone = (identifier = newNumber()): Identity => ({
  kind: 'citizen',
  identifier,
  level: 2,
  authenticatedAt: 1,
})
const at = (clientId: string) => ({
  requirement: {
    clientId,
    kinds: ['citizen'],
    level: 1,
    levelAsked: false,
    essentialAcrs: undefined,
  } satisfies Requirement,
  reference: 'R',
  sso: false,
})

const engines = [
  { name: 'a PostgreSQL server', missing: inject('databaseUrl') === undefined, address: freshDatabase },
  { name: 'PGlite in the process', missing: false, address: () => Promise.resolve('embedded:memory') },
]
for (const { name, missing, address } of engines)
  describe.skipIf(missing)(`people in ${name}`, () => {
    let db: Database
    let before: Mapping
    let during: Mapping
    let after: Mapping
    beforeAll(async () => {
      db = await openDatabase({ url: await address() })
      await migrate(db)
      const under = (...index: Buffer[]) => createMapping({ db, keys: { ...otherKeys, index } })
      before = under(oldKey)
      during = under(newKey, oldKey)
      after = under(newKey)
      for (const id of ['portal-a', 'portal-b']) await putClient(db, { id, metadata: {} })
    })
    afterAll(() => db.close())

    const countOf = async (from: string) =>
      (await db.query<{ n: number }>(`select count(*)::int as n from ${from}`))[0]!.n
    const account = (identifier: Identifier, accountId: string, row = { attested_at: '2024-05-20' }) =>
      before.importRows('portal-a', { account_id: accountId, citizen_id: identifier.reveal(), ...row })
    const idOf = async (accountId: string) => {
      const key = before.records.accountKey('portal-a', accountId)
      const rows = await db.query<{ id: string }>(
        'select id::text from legacy_account where account_key = $1',
        [key],
      )
      return rows[0]!.id
    }

    test('many simultaneous first sign-ins of one number create one subject and one audit row of its creation', async () => {
      const { signIn } = before
      const identity = someone()
      const subjects = await countOf('subject')
      const results = await Promise.all(Array.from({ length: 12 }, () => signIn(identity, at('portal-a'))))
      const [subjectId, ...others] = new Set(results.map((result) => result.subjectId))
      expect(others).toEqual([])
      expect(await countOf('subject')).toBe(subjects + 1)
      expect(
        await countOf(`audit_event where subject_id = '${subjectId}' and event = 'subject.created'`),
      ).toBe(1)
      expect(
        await countOf(`audit_event where subject_id = '${subjectId}' and event = 'login.completed'`),
      ).toBe(12)
    })

    test('while index keys rotate, known persons are found, and new persons are stored under both keys', async () => {
      const [known, newcomer] = [someone(), someone()]
      const { subjectId } = await before.signIn(known, at('portal-a'))
      expect((await during.signIn(known, at('portal-a'))).subjectId).toBe(subjectId)
      const first = await during.signIn(newcomer, at('portal-a'))
      expect((await before.signIn(newcomer, at('portal-a'))).subjectId).toBe(first.subjectId)
      expect((await after.signIn(newcomer, at('portal-a'))).subjectId).toBe(first.subjectId)
    })

    test('a broker with the new key and one without it still create one subject for one number', async () => {
      const identity = someone()
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          (index % 2 === 0 ? before : during).signIn(identity, at('portal-a')),
        ),
      )
      expect(new Set(results.map(({ subjectId }) => subjectId)).size).toBe(1)
    })

    test('an account is linked once when two tabs sign in at once, and both get the result', async () => {
      for (let round = 0; round < 4; round++) {
        const identity = someone()
        const { signIn } = before
        // The subject exists already, so that only the account is contended.
        await signIn(identity, at('portal-b'))
        const accountId = randomUUID()
        await account(identity.identifier, accountId)
        const results = await Promise.all([1, 2, 3].map(() => signIn(identity, at('portal-a'))))
        for (const { links } of results) expect(links.map((link) => link.accountId)).toEqual([accountId])
        expect(await countOf(`account_link where account_id = ${await idOf(accountId)}`)).toBe(1)
        expect(await countOf(`audit_event where event = 'link.created' and client_id = 'portal-a'`)).toBe(
          round + 1,
        )
      }
    })

    test('an account whose number was not compared with the population database is never linked', async () => {
      const identity = someone()
      await account(identity.identifier, 'unattested', { attested_at: '' })
      expect((await before.signIn(identity, at('portal-a'))).links).toEqual([])
      expect(await countOf(`account_link where account_id = ${await idOf('unattested')}`)).toBe(0)
    })

    test('there is no link without its audit row, and no subject without its number: one statement, all or nothing', async () => {
      const identifier = newNumber()
      await account(identifier, 'whole')
      const find = () => findForSignIn(db, identifier.type, before.citizenKeys.keys(identifier), ['portal-a'])
      const {
        candidates: [candidate],
      } = await find()
      const change = {
        subjectId: randomUUID(),
        create: {
          kind: 'citizen',
          identifierId: randomUUID(),
          sealed: before.citizenKeys.seal(identifier),
        },
        type: identifier.type,
        keys: before.citizenKeys.keys(identifier),
        portals: ['portal-a'],
        at: 'portal-a',
        links: [
          {
            account: candidate!.account,
            version: candidate!.version,
            method: 'attested_number',
            evidence: {},
          },
        ],
        cases: [],
        actor: 'citizen',
        reference: 'R',
      }
      const counts = async () =>
        Promise.all(['subject', 'identifier', 'identifier_key', 'account_link', 'audit_event'].map(countOf))
      const untouched = await counts()
      // The last part of the statement, the audit, fails.
      const unheard = [{ event: 'login.completed' as const, actor: 'citizen', subjectId: 'not a uuid' }]
      await expect(writeSignIn(db, { ...change, events: unheard })).rejects.toThrow('type uuid')
      expect(await counts()).toEqual(untouched)
      expect(await countOf(`legacy_account where id = ${candidate!.account} and state = 'open'`)).toBe(1)

      const {
        links: [link],
        cases,
      } = await writeSignIn(db, { ...change, events: [] })
      expect(cases).toEqual([])
      expect(link).toMatchObject({ accountKey: candidate!.accountKey, method: 'attested_number' })
      expect(
        before.records.open(Buffer.from(link!.accountKey, 'base64'), Buffer.from(link!.sealed, 'base64'))
          .accountId,
      ).toBe('whole')
      expect(await countOf(`audit_event where detail->>'link' = '${link!.id}'`)).toBe(1)
      expect(new Date(link!.linkedAt).getTime()).toBeGreaterThan(Date.now() - 60_000)
      expect(await find()).toEqual({
        subject: { id: change.subjectId, disabled: false, cancelled: false },
        links: [link],
        candidates: [],
      })
    })

    test('a disabled subject and a cancelled number are refused, and create no second subject', async () => {
      const [disabled, cancelled] = [someone(), someone()]
      const { signIn } = before
      const one = await signIn(disabled, at('portal-a'))
      const two = await signIn(cancelled, at('portal-a'))
      await db.query('update subject set disabled_at = now() where id = $1', [one.subjectId])
      await db.query('update identifier set valid_to = now() where subject_id = $1', [two.subjectId])
      const subjects = await countOf('subject')
      await expect(signIn(disabled, at('portal-a'))).rejects.toMatchObject({ code: 'subject_disabled' })
      await expect(signIn(cancelled, at('portal-a'))).rejects.toMatchObject({ code: 'identifier_cancelled' })
      expect(await countOf('subject')).toBe(subjects)
    })

    test('a legacy account that is imported again does not change', async () => {
      const identifier = newNumber()
      const results = []
      for (const number of [identifier, identifier, newNumber()])
        results.push((await account(number, 'twice')).results)
      expect(results).toMatchObject([{ accepted: 1 }, { unchanged: 1 }, { refused: 1 }])
      const { links } = await before.signIn(someone(identifier), at('portal-a'))
      // Another number under the same account id: an operator must decide first.
      expect(links).toEqual([])
    })

    test('a portal is written only where it differs, and every change has a version', async () => {
      const portal = { id: 'portal-c', metadata: { name: 'Cổng', list: [1] } }
      expect(await putClient(db, portal)).toBe('created')
      expect(await putClient(db, portal)).toBe('unchanged')
      expect(await putClient(db, { ...portal, metadata: {} })).toBe('changed')
      expect(await putClient(db, portal)).toBe('changed')
      const row = { ...portal, state: 'active', notBefore: null, version: 3 }
      expect(await findClients(db, ['portal-c', 'nobody'])).toEqual([row])
      expect((await listClients(db)).at(-1)).toEqual(row)
      expect(await listClientVersions(db)).toContainEqual({ id: 'portal-c', version: 3 })
    })

    test('the first signing key signs at once, the next after its announcement, and then the first is removed', async () => {
      const key = (kid: string) => ({ kid, alg: 'ES256', public: { kid }, sealed: randomBytes(40) })
      const standing = async () => (await listCalendar(db)).map(({ kid, state }) => `${kid} ${state}`)
      const hourPasses = (hours: number) =>
        db.query(`update signing_key set sign_from = sign_from - make_interval(hours => $1)`, [hours])
      await insertSigningKey(db, key('first'), { announce: 3600 })
      expect(await standing()).toEqual(['first current'])
      await insertSigningKey(db, key('second'), { announce: 3600 })
      expect(await standing()).toEqual(['first current', 'second next'])
      await hourPasses(1)
      expect(await standing()).toEqual(['second current', 'first previous'])
      await insertSigningKey(db, key('third'), { announce: 3600 })
      expect(await standing()).toEqual(['second current', 'first previous', 'third next'])
      await hourPasses(2)
      expect(await standing()).toEqual(['third current', 'second previous'])
      expect(await retireSigningKeys(db)).toEqual([{ kid: 'first', alg: 'ES256' }])
      expect(await retireSigningKeys(db)).toEqual([])
      await expect(insertSigningKey(db, key('second'), { announce: 0 })).rejects.toMatchObject({
        code: '23505',
      })
    })
  })
