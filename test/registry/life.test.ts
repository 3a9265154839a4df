/** The states of a portal: who may change them, what each requires, and what is shown. */
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { eventsOf, fileOf, files, historyOf, runCommand } from '../support/registry/registry.ts'
import { openWorld, portalAddress, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const registrar = await world.operator('registrar', ['registrar'])
const cli = (name: string, args: readonly string[], options = {}, admin = registrar) =>
  runCommand(admin, name, args, options)
await world.register(portalDefinition('portal-a'))

test('a draft may be incomplete; activating names everything that is missing with its remedy', async () => {
  const draft = {
    client_id: 'portal-draft',
    client_name: 'Bản nháp',
    redirect_uris: [portalAddress],
    id_token_signed_response_alg: 'EdDSA',
  }
  expect((await cli('client apply', [files(draft)], { yes: true })).out).toContain(
    'created   portal-draft  draft',
  )
  await world.db.query(`delete from client_secret where client_id = 'portal-draft'`)
  const { told = '' } = await cli('client activate', ['portal-draft'])
  expect(told).toMatch(/^client_incomplete: /)
  for (const missing of [
    'policy.owner.name: is missing; add the legal name',
    'policy.owner.kind: is missing; add ministry',
    'policy.contact.desk: is missing; add',
    'policy.contact.email: is missing; add',
    'policy.contact.phone: is missing; add',
    'policy.agreement.number: is missing; add',
    'policy.agreement.date: is missing; add',
    'policy.legal_basis: is missing; add',
    'policy.purposes: is missing; add',
    'token_endpoint_auth_method: needs an active secret; ',
    'id_token_signed_response_alg: needs a signing key that has been published for 15 minutes; run "keys generate --alg EdDSA"',
  ])
    expect(told).toContain(missing)
  expect(told.split('\n')).toHaveLength(11)
  await world.refresh()
  await expect(world.portal({ clientId: 'portal-draft' }).then((portal) => portal.signIn())).rejects.toThrow(
    'stopped at /auth',
  )
})

test('an active portal cannot be changed into one that could not be activated', async () => {
  const { policy, ...definition } = fileOf('portal-a', { state: undefined })
  const { legal_basis: _, ...rest } = policy as Record<string, unknown>
  const { told } = await cli('client apply', [files({ ...definition, policy: rest })], { yes: true })
  expect(told).toMatch(/portal-a\.yaml:\d+: policy\.legal_basis: is missing; add the legal provision/)
})

test('a portal that changes from a secret to its own key has no secret afterwards', async () => {
  await world.register(portalDefinition('portal-moves'))
  const jwks_uri = 'https://portal.example/jwks'
  const path = files(fileOf('portal-moves', { token_endpoint_auth_method: 'private_key_jwt', jwks_uri }))
  expect((await cli('client apply', [path], { yes: true })).told).toBeUndefined()
  expect(
    await world.db.query(
      `select slot, revoked_at is null as good from client_secret where client_id = 'portal-moves'`,
    ),
  ).toEqual([{ slot: null, good: false }])
})

test('the commands change a portal’s state step by step, each with its reason in the history', async () => {
  await cli('client apply', [files(fileOf('portal-life', { state: 'draft' }))], { yes: true })
  const officer = await world.operator('security', ['security_officer'])
  expect((await cli('client suspend', ['portal-life'], { reason: 'not yet' })).told).toMatch(
    /^state_conflict: .*a draft/,
  )
  expect(await cli('client activate', ['portal-life'])).toEqual({
    out: 'portal-life is active',
    told: undefined,
  })
  expect((await cli('client retire', ['portal-life'], { reason: 'too soon' })).told).toMatch(
    /active; suspend it first/,
  )
  expect((await cli('client activate', ['portal-life'])).told).toMatch(/^state_conflict/)
  expect((await cli('client suspend', ['portal-life'], { reason: 'leaked key' }, officer)).out).toBe(
    'portal-life is suspended',
  )
  expect((await cli('client activate', ['portal-life'], {}, officer)).told).toMatch(/^forbidden/)
  expect((await cli('client activate', ['portal-life'], { reason: 'new key' })).out).toBe(
    'portal-life is active',
  )
  await cli('client suspend', ['portal-life'], { reason: 'end of the agreement' })
  expect((await cli('client retire', ['portal-life'], { reason: 'end of the agreement' })).out).toBe(
    'portal-life is retired',
  )
  expect(await historyOf(world, 'portal-life')).toEqual([
    { action: 'created', actor: 'registrar', version: 1, reason: null },
    { action: 'activated', actor: 'registrar', version: 2, reason: null },
    { action: 'suspended', actor: 'security', version: 3, reason: 'leaked key' },
    { action: 'activated', actor: 'registrar', version: 4, reason: 'new key' },
    { action: 'suspended', actor: 'registrar', version: 5, reason: 'end of the agreement' },
    { action: 'retired', actor: 'registrar', version: 6, reason: 'end of the agreement' },
  ])
  expect((await eventsOf(world, 'portal-life')).map(({ event }) => event)).toEqual([
    'client.created',
    'client.activated',
    'client.suspended',
    'client.activated',
    'client.suspended',
    'client.retired',
  ])
})

test('applying a file does not put a suspended portal back in service; a command does', async () => {
  await world.register(portalDefinition('portal-closed'))
  const officer = await world.operator('officer', ['security_officer'])
  await cli('client suspend', ['portal-closed'], { reason: 'intrusion' }, officer)
  const path = files(fileOf('portal-closed', { client_name: 'Cổng đóng' }))
  const { out } = await cli('client apply', [path], { yes: true })
  expect(out).toContain('  ! state: stays suspended; run "client activate portal-closed" to activate it')
  expect(out).toContain('changed   portal-closed  suspended')
  expect((await historyOf(world, 'portal-closed')).map(({ action }) => action)).toEqual([
    'created',
    'activated',
    'suspended',
    'changed',
  ])
  expect((await cli('client diff', [path])).told).toBe('the registry differs from the files')
  expect((await cli('client activate', ['portal-closed'])).out).toBe('portal-closed is active')
  const { out: after } = await cli('client diff', [path])
  expect(after).toContain('unchanged portal-closed  active')
  expect(after).not.toContain('!')
})

test('the API creates and replaces one portal, and replaces only the version that was read', async () => {
  const path = '/v1/clients/portal-put'
  const keyed = { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://portal.example/jwks' }
  const put = (changes: Record<string, unknown>, ifMatch: string) =>
    registrar.call<{ state: string; version: number }>(
      'PUT',
      path,
      fileOf('portal-put', { ...keyed, ...changes }),
      {
        ifMatch,
      },
    )
  expect(await put({}, '0')).toEqual({ client_id: 'portal-put', state: 'active', version: 2 })
  await expect(put({ client_name: 'Cổng mới' }, '1')).rejects.toMatchObject({ code: 'precondition_failed' })
  await expect(put({ client_name: '' }, '2')).rejects.toMatchObject({
    code: 'definition_invalid',
    detail: expect.stringMatching(/^portal-put: client_name: must be 1 to 200 characters/) as string,
  })
  expect(await put({ client_name: 'Cổng mới' }, '2')).toMatchObject({ version: 3 })
  expect(await put({ client_name: 'Cổng mới', state: 'suspended' }, '3')).toMatchObject({
    state: 'suspended',
    version: 4,
  })
  expect(await put({ client_name: 'Cổng khác' }, '4')).toMatchObject({ state: 'suspended', version: 5 })
  await expect(
    registrar.call('PUT', '/v1/clients/portal-other', fileOf('portal-put'), { ifMatch: '0' }),
  ).rejects.toMatchObject({ code: 'input_invalid' })
  const secretly = put({ client_secret: 'a-secret-in-the-body-that-is-refused-here' }, '4')
  await expect(secretly).rejects.toMatchObject({ code: 'definition_invalid' })
})

test('the list has pages that omit no portal', async () => {
  type Page = { clients: { client_id: string }[]; next: string; more: boolean }
  const found: string[] = []
  for (let after = '', more = true; more;) {
    const query = new URLSearchParams({ limit: '3', ...(after && { after }) })
    const page: Page = await registrar.call('GET', `/v1/clients?${query.toString()}`)
    found.push(...page.clients.map(({ client_id: id }) => id))
    ;({ next: after, more } = page)
  }
  const all = await world.db.query<{ id: string }>('select id from client order by id')
  expect(found).toEqual(all.map(({ id }) => id))
})

test('a portal is shown as a file that can be applied, without the hash of its secret', async () => {
  const auditor = await world.operator('auditor', ['auditor'])
  const { out } = await cli('client show', ['portal-a'], {}, auditor)
  expect(out).not.toMatch(/hash|secret:/)
  const path = files(parse(out) as Record<string, unknown>)
  expect((await cli('client diff', [path], {}, auditor)).out).toContain('unchanged portal-a  active')
  const list = await cli('client list', [], { state: 'active' }, auditor)
  expect(list.out).toMatch(/^portal-a +active +client_secret_basic +level 1 {2}citizen {2}Cổng portal-a$/m)
  expect(list.out).not.toContain('portal-life')
  expect((await cli('client show', ['nobody'])).told).toMatch(/^not_found/)
})
