/** `prompt` as OpenID Connect Core §3.1.2.1 defines it: what we support, and the answer to what we do not. */
import { expect, test } from 'vitest'
import { ask, basic, post, send, wish } from '../support/wire.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
await world.register(portalDefinition('portal-a'))
const { simulator } = world
const selection = { error: 'account_selection_required', state: 'st-1', iss: world.issuer }

test.each(['select_account', 'select_account login', 'consent select_account'])(
  'prompt=%s is account_selection_required, with or without a session, and makes no trip to VNeID',
  async (prompt) => {
    const { visitor } = await ask(world, wish('portal-a'))
    const before = simulator.requests.authorize
    expect((await ask(world, wish('portal-a', { prompt }))).heard).toMatchObject(selection)
    expect((await ask(world, wish('portal-a', { prompt }), visitor)).heard).toMatchObject(selection)
    expect(simulator.requests.authorize).toBe(before)
    expect((await ask(world, wish('portal-a', { prompt: 'none' }), visitor)).heard).toHaveProperty('code')
  },
)

test('a pushed request with prompt=select_account gets the same answer', async () => {
  const { body } = await post(
    world,
    '/request',
    wish('portal-a', { prompt: 'select_account' }),
    basic('portal-a'),
  )
  const pushed = { client_id: 'portal-a', request_uri: String(body['request_uri']) }
  expect((await ask(world, pushed)).heard).toMatchObject(selection)
})

test('prompt=none together with another value is invalid, and so is a value that nobody defines', async () => {
  for (const prompt of ['none select_account', 'none login', 'create', 'select-account'])
    expect((await ask(world, wish('portal-a', { prompt }))).heard).toMatchObject({ error: 'invalid_request' })
})

test('discovery lists the prompts that are supported, and each of them works', async () => {
  const { body } = await send(`${world.issuer}/.well-known/openid-configuration`)
  expect(body['prompt_values_supported']).toEqual(['none', 'login', 'consent'])
  const { visitor } = await ask(world, wish('portal-a'))
  for (const prompt of body['prompt_values_supported'] as string[])
    expect((await ask(world, wish('portal-a', { prompt }), visitor)).heard).toHaveProperty('code')
})
