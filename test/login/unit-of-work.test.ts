/** Concurrent requests of one browser that read and write the same protocol state. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { mergeRecords } from '../../src/oidc/adapter.ts'
import { beginUnitOfWork, keyOf } from '../../src/oidc/unit-of-work.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { createMemoryState } from '../../src/store/state/memory.ts'
import type { State } from '../../src/store/state/state.ts'

function world() {
  const memory = createMemoryState({ limit: 10_000_000 })
  const trips: string[] = []
  const state = Object.fromEntries(
    Object.entries(memory).map(([name, work]) => [
      name,
      (...given: unknown[]) => {
        trips.push(name)
        return (work as (...all: unknown[]) => unknown)(...given)
      },
    ]),
  ) as unknown as State
  const seal = createSeal([randomBytes(32)], 'protocol state')
  return { trips, memory, begin: () => beginUnitOfWork({ state, seal, merge: mergeRecords }) }
}
const session = keyOf('Session', 'uid')
const portals = (...names: string[]) => ({
  accountId: 'an',
  authorizations: Object.fromEntries(names.map((name) => [name, { grantId: name }])),
})

async function withSession(...names: string[]) {
  const { begin, ...rest } = world()
  const unit = begin()
  unit.put(session, portals(...names), 60)
  await unit.commit()
  const [mine, theirs] = [begin(), begin()]
  await mine.read(session)
  await theirs.read(session)
  return { begin, mine, theirs, ...rest }
}

test('two concurrent requests that each add a portal to one session both keep their portal', async () => {
  const { begin, mine, theirs } = await withSession('first')
  theirs.put(session, portals('first', 'theirs'), 60)
  mine.put(session, portals('first', 'mine'), 60)
  await Promise.all([theirs.commit(), mine.commit()])
  const found = await begin().read(session)
  expect(Object.keys(found!['authorizations'] as object).toSorted()).toEqual(['first', 'mine', 'theirs'])
})

test('four concurrent requests all write their change to one session', async () => {
  const { begin } = await withSession()
  const units = ['a', 'b', 'c', 'd'].map((name) => ({ name, unit: begin() }))
  await Promise.all(units.map(({ unit }) => unit.read(session)))
  await Promise.all(
    units.map(({ name, unit }) => {
      unit.put(session, portals(name), 60)
      return unit.commit()
    }),
  )
  const found = await begin().read(session)
  expect(Object.keys(found!['authorizations'] as object).toSorted()).toEqual(['a', 'b', 'c', 'd'])
})

test('a session that ended while a request built on it stays ended, and the request fails', async () => {
  const { begin, mine, theirs } = await withSession('first')
  theirs.delete(session)
  await theirs.commit()
  mine.put(session, portals('first', 'mine'), 60)
  await expect(mine.commit()).rejects.toMatchObject({ code: 'interaction_gone' })
  expect(await begin().read(session)).toBeUndefined()
})

test('two concurrent requests that create or change the same grant grant what both asked for', async () => {
  const { begin } = world()
  const key = keyOf('Grant', 'g')
  const grant = (scope: string, ...claims: string[]) => ({ accountId: 'an', openid: { scope, claims } })
  const make = async (...payloads: object[]) => {
    const units = payloads.map((payload) => ({ payload, unit: begin() }))
    await Promise.all(units.map(({ unit }) => unit.read(key)))
    for (const { unit, payload } of units) unit.create(key, payload as Record<string, unknown>, 60)
    await Promise.all(units.map(({ unit }) => unit.commit()))
    return begin().read(key)
  }
  expect(await make(grant('openid profile'), grant('openid', 'name'))).toEqual(
    grant('openid profile', 'name'),
  )
  expect(await make(grant('openid'), grant('openid citizen_id', 'sub'))).toMatchObject({
    openid: { scope: 'openid citizen_id' },
  })
})

test('a grant that was revoked while a request built on it stays revoked', async () => {
  const { begin } = world()
  const grant = keyOf('Grant', 'g')
  const first = begin()
  first.put(grant, { accountId: 'an' }, 60)
  await first.commit()
  const [mine, theirs] = [begin(), begin()]
  await mine.read(grant)
  theirs.delete(grant)
  await theirs.commit()
  mine.put(grant, { accountId: 'an', more: true }, 60)
  await expect(mine.commit()).rejects.toMatchObject({ code: 'interaction_gone' })
  expect(await begin().read(grant)).toBeUndefined()
})

test('a session that meanwhile belongs to another person is never merged', async () => {
  const { begin, mine, theirs } = await withSession('first')
  theirs.put(session, { ...portals('theirs'), accountId: 'binh' }, 60)
  await theirs.commit()
  mine.put(session, portals('first', 'mine'), 60)
  await expect(mine.commit()).rejects.toMatchObject({ code: 'interaction_gone' })
  expect(await begin().read(session)).toMatchObject({ accountId: 'binh' })
})

test('a request reads each record once, sees its own writes, and sends them in one trip', async () => {
  const { begin, trips } = await withSession('first')
  const token = keyOf('AccessToken', 't')
  const writer = begin()
  writer.put(token, { accountId: 'an' }, 60, [session, keyOf('Grant', 'gone')])
  await writer.commit()
  trips.length = 0

  const unit = begin()
  expect(await unit.read(token)).toMatchObject({ accountId: 'an' })
  expect(await unit.read(session)).toMatchObject(portals('first'))
  expect(await unit.read(keyOf('Grant', 'gone'))).toBeUndefined()
  expect(trips).toEqual(['read'])
  unit.put('a', { value: 1 }, 60)
  unit.delete(token)
  expect(await unit.read('a')).toEqual({ value: 1 })
  expect(await unit.read(token)).toBeUndefined()
  expect(trips).toEqual(['read'])
  await unit.commit()
  await unit.commit()
  expect(trips).toEqual(['read', 'write'])
})

test('a record that is deleted and put again within one request is stored', async () => {
  const { begin, mine } = await withSession('first')
  mine.delete(session)
  mine.put(session, portals('first', 'after'), 60)
  await mine.commit()
  expect(await begin().read(session)).toMatchObject(portals('first', 'after'))
})

test('a record that a request has created stays readable even if a record read later points to it', async () => {
  const { begin } = world()
  const before = begin()
  before.put('token', {}, 60, ['grant'])
  await before.commit()
  const unit = begin()
  unit.create('grant', { accountId: 'an' }, 60)
  await unit.read('token')
  await unit.commit()
  expect(await begin().read('grant')).toEqual({ accountId: 'an' })
})

test('a pretended record is visible in this request and never written', async () => {
  const { begin } = world()
  const unit = begin()
  unit.pretend('p', { value: 1 })
  expect([unit.peek('p'), await unit.read('p')]).toEqual([{ value: 1 }, { value: 1 }])
  await unit.commit()
  expect(await begin().read('p')).toBeUndefined()
})

test('a record that was taken is gone for all other requests and still readable in this one', async () => {
  const { begin } = world()
  const first = begin()
  first.put('i', { uid: 'u' }, 60)
  await first.commit()
  const [mine, theirs] = [begin(), begin()]
  expect(await Promise.all([mine.take('i'), theirs.take('i')])).toEqual([{ uid: 'u' }, undefined])
  expect([await mine.read('i'), await theirs.read('i')]).toEqual([{ uid: 'u' }, undefined])
})

test('a stored record reveals neither its content nor its secret id, and cannot be moved to another key', async () => {
  const { begin, memory } = world()
  const unit = begin()
  const [key, other] = [keyOf('AuthorizationCode', 'the-secret-code'), keyOf('AuthorizationCode', 'another')]
  expect(key).not.toContain('the-secret-code')
  unit.put(key, { name: 'Nguyễn Văn An' }, 60)
  await unit.commit()
  const { value } = (await memory.read(key))!
  expect(value.includes('Nguy')).toBe(false)
  await memory.write([{ key: other, value, ttl: 60 }])
  await expect(begin().read(other)).rejects.toThrow('authenticate')
})
