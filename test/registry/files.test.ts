/** Applying reviewed files to the registry. */
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import {
  eventsOf,
  fileOf,
  files,
  historyOf,
  rowsOf,
  runCommand,
  secretsIn,
} from '../support/registry/registry.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const registrar = await world.operator('registrar', ['registrar'])
const cli = (name: string, args: readonly string[], options = {}) =>
  runCommand(registrar, name, args, options)
const inUse = async () =>
  (await world.db.query<{ id: string }>(`select id from client where state <> 'retired'`)).map(({ id }) => id)

test('without --yes apply only shows what it would change', async () => {
  const path = files(fileOf('portal-a'))
  const before = await rowsOf(world)
  const { out, told } = await cli('client apply', [path])
  expect(told).toBe('nothing was changed; add --yes to apply')
  expect(out).toMatch(/^new {7}portal-a {2}active$/m)
  expect(out).toContain('  + client_name: "Cổng portal-a"')
  expect(out).toContain('  + policy.legal_basis: ')
  expect(out).toContain('  + a client_secret will be made, and shown once')
  expect(await rowsOf(world)).toEqual(before)
})

test('with --yes a portal is registered, and its secret is shown once and works', async () => {
  const path = files(fileOf('portal-a'))
  const { out, told } = await cli('client apply', [path], { yes: true, reason: 'agreement of March' })
  expect(told).toBeUndefined()
  expect(out).toContain('created   portal-a  active')
  const [secret] = secretsIn(out)
  await world.refresh()
  world.simulator.approve('an')
  const portal = await world.portal({ clientId: 'portal-a', auth: client.ClientSecretBasic(secret) })
  expect((await portal.signIn()).claims.sub).toBeDefined()

  const again = await cli('client apply', [path], { yes: true })
  expect(again).toMatchObject({ told: undefined, out: expect.stringContaining('unchanged portal-a  active') })
  expect(again.out).not.toContain('client_secret')
  expect(await historyOf(world, 'portal-a')).toEqual([
    { action: 'created', actor: 'registrar', version: 1, reason: 'agreement of March' },
    { action: 'activated', actor: 'registrar', version: 2, reason: 'agreement of March' },
  ])
  expect(await eventsOf(world, 'portal-a')).toMatchObject([
    { event: 'client.created', actor: 'registrar', detail: { version: 1 } },
    { event: 'client.activated', actor: 'registrar', detail: { version: 2 } },
  ])
})

test('a change is shown field by field, recorded in history and audit, and does not change the secret', async () => {
  const path = files(fileOf('portal-a', { client_name: 'Cổng mới', policy: { minimum_level: 2 } }))
  const shown = await cli('client diff', [path])
  expect(shown.told).toBe('the registry differs from the files')
  expect(shown.out).toContain('changed   portal-a  active')
  expect(shown.out).toContain('  - client_name: "Cổng portal-a"\n  + client_name: "Cổng mới"')
  expect(shown.out).toContain('  - policy.minimum_level: 1\n  + policy.minimum_level: 2')
  expect(shown.out).not.toContain('redirect_uris')
  const secrets = () => world.db.query('select * from client_secret where client_id = $1', ['portal-a'])
  const before = await secrets()
  expect(before).toHaveLength(1)
  expect(await cli('client apply', [path], { yes: true })).toMatchObject({ told: undefined })
  expect(await secrets()).toEqual(before)
  expect((await eventsOf(world, 'portal-a')).at(-1)).toMatchObject({
    event: 'client.changed',
    detail: { version: 3, fields: ['client_name', 'policy.minimum_level'] },
  })
  const { out } = await cli('client history', ['portal-a'])
  expect(out).toMatch(
    /^.{16} {2}version 3 {2}changed by registrar\n {2}- client_name: "Cổng portal-a"\n {2}\+ client_name/m,
  )
})

test('a portal that is in no file is reported as drift and kept, unless retiring was requested', async () => {
  await world.register(portalDefinition('portal-old'))
  const path = files(fileOf('portal-a', { client_name: 'Cổng mới', policy: { minimum_level: 2 } }))
  const drift = await cli('client diff', [path])
  expect(drift.out).toContain('drift     portal-old  active, in the registry and in no file')
  expect(drift.told).toBe('the registry differs from the files')
  await cli('client apply', [path], { yes: true })
  expect(await inUse()).toContain('portal-old')

  // Citizens still sign in to an active portal, so it must be suspended first, with a reason.
  const retires = { 'retire-missing': true, yes: true, reason: 'the agreement has ended' }
  const active = await cli('client apply', [path], retires)
  expect(active.out).toContain('drift     portal-old  active, in the registry and in no file')
  expect(active.out).toContain('is not retired; "client suspend portal-old --reason …" first')
  const forced = registrar.call('POST', '/v1/clients/apply', {
    clients: [fileOf('portal-a', { client_name: 'Cổng mới', policy: { minimum_level: 2 } })],
    versions: { 'portal-a': 3 },
    retire: { 'portal-old': 2 },
    reason: 'at once',
  })
  await expect(forced).rejects.toMatchObject({ code: 'state_conflict' })
  expect(await inUse()).toContain('portal-old')

  await cli('client suspend', ['portal-old'], { reason: 'the agreement has ended' })
  const retiring = await cli('client apply', [path], { 'retire-missing': true })
  expect(retiring.out).toContain('retire    portal-old  suspended → retired')
  expect(await inUse()).toContain('portal-old')
  const done = await cli('client apply', [path], retires)
  expect(done.out).toContain('retired   portal-old  retired')
  expect((await historyOf(world, 'portal-old')).slice(-2)).toMatchObject([
    { action: 'suspended' },
    { action: 'retired', reason: 'the agreement has ended' },
  ])
  expect(await cli('client diff', [path])).toEqual({
    out: 'unchanged portal-a  active\nthe registry is equal to the files',
    told: undefined,
  })
})

test('retiring needs the whole folder and a reason', async () => {
  await world.register(portalDefinition('portal-kept'))
  await cli('client suspend', ['portal-kept'], { reason: 'a leaked key' })
  const path = files(fileOf('portal-a', { client_name: 'Cổng mới', policy: { minimum_level: 2 } }))
  const retires = { 'retire-missing': true, yes: true }
  const one = await cli('client apply', [`${path}/portal-a.yaml`], { ...retires, reason: 'too wide' })
  expect(one.told).toMatch(/--retire-missing is for the folder with all portals/)
  await expect(cli('client apply', [path], retires)).rejects.toThrow('--reason is missing')
  const wordless = registrar.call('POST', '/v1/clients/apply', {
    clients: [fileOf('portal-a', { client_name: 'Cổng mới', policy: { minimum_level: 2 } })],
    versions: { 'portal-a': 3 },
    retire: { 'portal-kept': 3 },
  })
  await expect(wordless).rejects.toMatchObject({ code: 'input_invalid' })
  expect(await inUse()).toContain('portal-kept')
})

test('the id of a retired portal can never be used again', async () => {
  const refusal = (await cli('client apply', [files(fileOf('portal-old'))], { yes: true })).told
  expect(refusal).toMatch(/:1: client_id: is the id of a retired portal; remove the file, or choose/)
  await expect(world.register(portalDefinition('portal-old'))).rejects.toThrow('id of a retired portal')
  for (const act of ['activate', 'suspend', 'retire'])
    expect((await cli(`client ${act}`, ['portal-old'], { reason: 'once more' })).told).toMatch(
      /^state_conflict: .*retired/,
    )
})

test('all mistakes in all files are reported, and a valid portal beside them is not applied', async () => {
  const path = files(
    fileOf('portal-fine'),
    fileOf('portal-b', { scope: 'openid everything' }),
    fileOf('portal-c', { redirect_uris: ['http://c.example/cb'], client_name: '' }),
  )
  const before = await rowsOf(world)
  const { out, told = '' } = await cli('client apply', [path], { yes: true })
  expect(out).toBe('')
  expect(
    told.split('\n').map((line) => line.replace(/^.*\/(portal-.):\d+: ([\w.]+):.*$/, '$1 $2')),
  ).toHaveLength(3)
  expect(told).toMatch(
    /portal-b\.yaml:\d+: scope: .*\n.*portal-c\.yaml:\d+: client_name: .*\n.*portal-c\.yaml:\d+: redirect_uris\.0: /,
  )
  expect(await rowsOf(world)).toEqual(before)
})

test('apply does exactly what it showed: a portal that changed meanwhile stops all of it', async () => {
  const definitions = [fileOf('portal-a', { client_name: 'Cổng A2' }), fileOf('portal-d')]
  const plan = await registrar.call<{ clients: { client_id: string; version: number }[] }>(
    'POST',
    '/v1/clients/plan',
    {
      clients: definitions,
    },
  )
  const versions = Object.fromEntries(plan.clients.map(({ client_id: id, version }) => [id, version]))
  expect(versions['portal-d']).toBe(0)
  await cli('client apply', [files(fileOf('portal-a', { client_name: 'Cổng A1' }))], { yes: true })
  const before = await rowsOf(world)
  const late = registrar.call('POST', '/v1/clients/apply', {
    clients: definitions,
    versions,
    secrets: { 'portal-d': 'A'.repeat(43) },
  })
  await expect(late).rejects.toMatchObject({ status: 412, code: 'precondition_failed' })
  expect(await rowsOf(world)).toEqual(before)
})

test('if two registrars apply one new portal at once, one registers it and the other gets an error', async () => {
  const body = {
    clients: [fileOf('portal-race')],
    versions: { 'portal-race': 0 },
    secrets: { 'portal-race': 'B'.repeat(43) },
  }
  const both = await Promise.allSettled([1, 2].map(() => registrar.call('POST', '/v1/clients/apply', body)))
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'precondition_failed' },
  })
  expect(await historyOf(world, 'portal-race')).toHaveLength(2)
})
