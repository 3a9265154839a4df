/** A person's `sub` at a portal depends on the portal's sector: which changes files may make to it, and what is shown first. */
import { expect, test } from 'vitest'
import { fileOf, files, runCommand } from '../support/registry/registry.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const registrar = await world.operator('registrar', ['registrar'])
const cli = (name: string, path: string, options = {}) => runCommand(registrar, name, [path], options)

const at = (host: string, more: Record<string, unknown> = {}) => ({
  redirect_uris: [`https://${host}/cb`],
  ...more,
})
const apply = (id: string, changes: Record<string, unknown>) =>
  cli('client apply', files(fileOf(id, changes)), { yes: true })
async function subAt(clientId: string, host: string): Promise<string> {
  await world.refresh()
  world.simulator.approve('an')
  const portal = await world.portal({ clientId, redirectUri: `https://${host}/cb` })
  return (await portal.signIn()).claims.sub
}

test('a portal that moves to another host keeps its subs, or the move is refused', async () => {
  await world.register(portalDefinition('portal-moves', at('old.example')))
  const before = await subAt('portal-moves', 'old.example')
  const { told = '' } = await apply('portal-moves', at('new.example'))
  const [, remedy] =
    /redirect_uris: would change every person's sub .*; keep them with (.*)$/.exec(told) ?? []
  expect(remedy).toBe('sector_identifier_uri: https://old.example/')
  expect(await subAt('portal-moves', 'old.example')).toBe(before)

  const [name = '', uri] = remedy!.split(': ')
  expect(await apply('portal-moves', at('new.example', { [name]: uri }))).toMatchObject({ told: undefined })
  expect(await subAt('portal-moves', 'new.example')).toBe(before)
  // It cannot be removed later either.
  expect((await apply('portal-moves', at('new.example'))).told).toContain(remedy)
})

const sector = { sector_identifier_uri: 'https://ministry.example/sector.json' }
const noLogins = { redirect_uris: [], grant_types: ['client_credentials'], scope: 'legacy_accounts' }
test.each([
  ['names another sector', at('a.example', sector), 'sector_identifier_uri: would', 'https://a.example/'],
  ['makes subs public', at('a.example', { subject_type: 'public' }), 'subject_type: would', 'write pairwise'],
  ['takes the logins out for a while', noLogins, 'redirect_uris: would', 'https://a.example/'],
])('an edit that %s is refused with what keeps the subs', async (_, changes, fault, remedy) => {
  await world.register(portalDefinition('portal-edited', at('a.example')))
  const { told = '' } = await apply('portal-edited', changes)
  expect(told).toContain(fault)
  expect(told).toContain(remedy)
})

test('public subs stay public, and the same rule applies to a whole definition through the API', async () => {
  await world.register(portalDefinition('portal-public', at('b.example', { subject_type: 'public' })))
  const { version } = await registrar.call<{ version: number }>('GET', '/v1/clients/portal-public')
  const put = registrar.call('PUT', '/v1/clients/portal-public', fileOf('portal-public', at('b.example')), {
    ifMatch: String(version),
  })
  await expect(put).rejects.toMatchObject({
    code: 'definition_invalid',
    detail: expect.stringMatching(/subject_type: would change every person's sub .*; write public/) as string,
  })
})

test('a draft and a trial on loopback can move, because no person has a sub there yet', async () => {
  for (const host of ['one.example', 'two.example'])
    expect((await apply('portal-draft', at(host, { state: 'draft' }))).told).toBeUndefined()
  await world.register(portalDefinition('portal-trial'))
  expect((await apply('portal-trial', at('real.example'))).told).toBeUndefined()
  expect((await apply('portal-trial', at('other.example'))).told).toMatch(/sub/)
})

test('a portal that joins the sector of other portals is shown these portals first', async () => {
  await world.register(portalDefinition('portal-first', at('first.example')))
  const wish = at('second.example', { sector_identifier_uri: 'https://first.example/' })
  const { out } = await cli('client apply', files(fileOf('portal-second', wish)))
  expect(out).toMatch(
    /^ {2}! sector_identifier_uri: people have the same sub here as at portal-first; keep it only if/m,
  )
  const apart = await cli('client apply', files(fileOf('portal-second', at('second.example'))))
  expect(apart.out).not.toContain('!')
  // It is shown only once.
  await apply('portal-second', wish)
  expect((await cli('client diff', files(fileOf('portal-second', wish)))).out).not.toContain('the same sub')
})
