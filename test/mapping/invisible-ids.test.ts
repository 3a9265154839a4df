/** An id or a number with a character that nobody sees is refused by name, wherever a portal or an operator sends one. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { AdminClient } from '../../src/cli/client.ts'
import { createCallers } from '../support/portals/callers.ts'
import { basic, post } from '../support/wire.ts'
import { openWorld, portalAddress, type World } from '../support/world.ts'

const ids: [what: string, id: string, sentence: string][] = [
  ['a zero width space', 'hoa.nt\u200b', 'contains an invisible character (U+200B, character 7); remove it'],
  ['a direction mark', '\u200fhoa.nt', 'contains an invisible character (U+200F, character 1); remove it'],
  ['a tag', 'hoa\u{e0061}.nt', 'contains an invisible character (U+E0061, character 4); remove it'],
  [
    'a variation selector',
    'hoa\ufe0f.nt',
    'contains an invisible character (U+FE0F, character 4); remove it',
  ],
  [
    'a space without break',
    'hoa\u00a0nt',
    'contains an invisible character (U+00A0, character 4); remove it',
  ],
  ['a text direction character', 'hoa\u202ent', 'contains control or text direction characters'],
  [
    'a lost character',
    'ho\ufffd.nt',
    'contains U+FFFD in place of a character that a program could not read',
  ],
]

let world: World
let officer: AdminClient
let portal: Awaited<ReturnType<ReturnType<typeof createCallers>['open']>>

beforeAll(async () => {
  world = await openWorld()
  officer = await world.operator('an.officer', ['mapping_officer'])
  portal = await createCallers(world).open({ scope: 'openid legacy_accounts' })
})

describe('an account id with', () => {
  test.each(ids)('%s is refused by the portals’ API', async (_what, id, sentence) => {
    for (const { status, body } of [await portal.stateOf(id), await portal.markPrimary(id)])
      expect({ status, body }).toMatchObject({
        status: 400,
        body: { code: 'input_invalid', errors: [{ path: 'id', message: sentence }] },
      })
  })

  test.each(ids)('%s is refused where a portal vouches for it', async (_what, id, sentence) => {
    const fields = {
      client_id: portal.clientId,
      response_type: 'code',
      redirect_uri: portalAddress,
      scope: 'openid legacy_accounts',
      code_challenge: 'A'.repeat(43),
      code_challenge_method: 'S256',
    }
    const push = (legacy: string) =>
      post(world, '/request', { ...fields, legacy_account: legacy }, basic(portal.clientId))
    expect(await push(id)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_description: `legacy_account is not a usable id: ${sentence}` },
    })
    expect(await push('hoa.nt')).toMatchObject({ status: 201 })
  })

  test.each(ids)('%s is refused in an operator’s search', async (_what, id, sentence) => {
    const searching = officer.call('POST', '/v1/accounts/search', { client: portal.clientId, account_id: id })
    await expect(searching).rejects.toMatchObject({ status: 400, detail: `account_id: ${sentence}` })
  })
})

test('an invisible character in a number is named, because the number looks right', async () => {
  const number = '001185999902\u200e'
  const place = 'contains an invisible character (U+200E, character 13); remove it'
  for (const [path, body, detail] of [
    ['/v1/accounts/search', { citizen_id: number }, `citizen_id: must be 12 digits; ${place}`],
    [
      '/v1/accounts/search',
      { cmnd: '012345678\u200b' },
      'cmnd: must be 9 digits; contains an invisible character (U+200B, character 10); remove it',
    ],
    [
      '/v1/reviews',
      { account: '1', citizen_id: number, reason: 'as it is' },
      `citizen_id: must be 12 digits; ${place}`,
    ],
  ] as const)
    await expect(officer.call('POST', path, body)).rejects.toMatchObject({ status: 400, detail })
})
