/** The portals' API: a portal's requests about its own legacy accounts, and the credentials that it requires. */
import { describe, expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { createCallers, grants } from '../support/portals/callers.ts'
import { basic, hashOf, newSigner, proof, type Signer } from '../support/wire.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const { number } = citizenNamed('dung')
const world = await openWorld({ periods: { renewal: 50 } })
const callers = createCallers(world)

describe("the portals' own API", () => {
  test('returns the state of an account, and its owner by the portal’s sub', async () => {
    const portal = await callers.open()
    await portal.account('old-1', 'binh')
    await portal.account('claimed', 'binh', false)
    await world.legacyAccounts(portal.clientId, { account_id: 'clerk', kind: 'staff' })
    const imported = { imported_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string }
    expect(await portal.stateOf('old-1')).toMatchObject({
      status: 200,
      body: { id: 'old-1', state: 'open' },
    })
    const sub = await portal.enter('binh')
    const linked = await portal.stateOf('old-1')
    expect(linked.body).toEqual({
      id: 'old-1',
      state: 'linked',
      sub,
      method: 'attested_number',
      linked_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      primary: false,
      classes: ['several_accounts'],
      ...imported,
    })
    expect(linked.headers.get('cache-control')).toBe('no-store')
    expect((await portal.stateOf('claimed')).body).toMatchObject({
      id: 'claimed',
      state: 'in_review',
      classes: ['several_accounts', 'not_attested'],
    })
    const clerk = await portal.stateOf('clerk')
    expect(clerk.body).toEqual({
      id: 'clerk',
      state: 'exempt',
      classes: ['missing_number', 'staff_account'],
      ...imported,
    })
  })

  test('does not find accounts of another portal, or an id that differs in any character', async () => {
    const [here, there] = [await callers.open(), await callers.open()]
    await there.account('Old-1', 'an')
    for (const [portal, id] of [
      [here, 'Old-1'],
      [there, 'old-1'],
      [there, 'Old-1 '],
    ] as const) {
      for (const { status, headers, body } of [await portal.stateOf(id), await portal.markPrimary(id)]) {
        expect(status).toBe(404)
        expect(headers.get('content-type')).toContain('application/problem+json')
        expect(body).toMatchObject({ code: 'account_unknown', status: 404 })
      }
    }
  })

  test('marks one account of a person as primary, and returns the mark with every list of links', async () => {
    const portal = await callers.open()
    await portal.account('old-1', 'chi')
    await portal.account('old-2', 'chi')
    expect(await portal.markPrimary('old-1')).toMatchObject({
      status: 409,
      body: { code: 'state_conflict', detail: 'the account is open' },
    })
    const sub = await portal.enter('chi')
    expect(await portal.markPrimary('old-1')).toMatchObject({ status: 200, body: { sub, primary: true } })
    expect(await portal.markPrimary('old-1')).toMatchObject({ status: 200, body: { primary: true } })
    expect(await portal.markPrimary('old-2')).toMatchObject({ status: 200, body: { primary: true } })
    expect((await portal.stateOf('old-1')).body).toMatchObject({ primary: false })
    const { changes } = await portal.changes()
    const told = changes.map(({ change, id }) => `${change} ${id}`)
    // Links that one statement creates have no order among themselves.
    expect([...told.slice(0, 2).toSorted(), ...told.slice(2)]).toEqual([
      'linked old-1',
      'linked old-2',
      'primary old-1',
      'not_primary old-1',
      'primary old-2',
    ])
    const audit = await world.db.query<{ actor: string; detail: { link: string } }>(
      `select actor, detail from audit_event where client_id = $1 and event = 'link.primary' order by id`,
      [portal.clientId],
    )
    expect(audit).toHaveLength(2)
    expect(audit[0]).toMatchObject({ actor: 'portal', detail: { link: expect.any(String) as string } })
  })

  test('of ten simultaneous marks one remains', async () => {
    const portal = await callers.open()
    const ids = Array.from({ length: 10 }, (_, index) => `old-${index}`)
    for (const id of ids) await portal.account(id, 'yen')
    await portal.enter('yen')
    const marks = await Promise.all(ids.map((id) => portal.markPrimary(id)))
    expect(marks.map(({ status }) => status)).toEqual(ids.map(() => 200))
    const states = await Promise.all(ids.map((id) => portal.stateOf(id)))
    expect(states.filter(({ body }) => body['primary'] === true)).toHaveLength(1)
  })

  test('shows an account id that is a citizen’s number only to the portal', async () => {
    const portal = await callers.open()
    await portal.account(number, 'dung')
    expect((await portal.stateOf(number)).body).toMatchObject({ id: number, state: 'open' })
    await portal.enter('dung')
    await portal.markPrimary(number)
    expect((await portal.changes()).changes).toMatchObject([{ id: number }, { id: number }])
    const unknown = `${number}x`
    for (const refused of [
      await portal.stateOf(unknown),
      await portal.markPrimary(unknown),
      await portal.tell('state', { [number]: number }),
      await portal.call(`changes?after=${number}&${number}=1`),
    ]) {
      expect(refused.status).toBeGreaterThanOrEqual(400)
      expect(JSON.stringify(refused.body)).not.toContain(number)
    }
    expect(world.logLines.join('')).not.toContain(number)
  })

  test('refuses every other credential', async () => {
    const portal = await callers.open()
    await portal.account('old-1', 'an')
    world.simulator.approve('an')
    const citizens = await (
      await world.portal({ clientId: portal.clientId, scope: 'openid legacy_accounts' })
    ).signIn()
    const challengeOf = async (headers: Record<string, string>) => {
      const reply = await callers.at(portal.clientId, headers).stateOf('old-1')
      expect(reply.headers.get('cache-control')).toBe('no-store')
      return [reply.status, reply.body['code'], reply.headers.get('www-authenticate')]
    }
    const nothing = [401, 'unauthenticated', 'Bearer, DPoP algs="ES256 Ed25519 EdDSA"']
    expect(await challengeOf({})).toEqual(nothing)
    const invalid = [401, 'unauthenticated', 'Bearer error="invalid_token"']
    for (const authorization of [
      'Bearer',
      'Bearer never-issued',
      `Bearer ${citizens.tokens.access_token}`,
      `Bearer ${String(citizens.tokens.refresh_token)}`,
      basic(portal.clientId)['authorization']!,
    ]) {
      expect(await challengeOf({ authorization })).toEqual(invalid)
    }
  })

  test('requires a portal with the registered grant and scope that requests the scope', async () => {
    const without = portalDefinition('without-scope', { grant_types: grants, scope: 'openid profile' })
    await world.register(without, portalDefinition('without-grant'))
    expect((await callers.tokenOf('without-scope')).body).toMatchObject({ error: 'invalid_scope' })
    expect((await callers.tokenOf('without-grant')).body).toMatchObject({ error: 'invalid_request' })
    const given = await callers.open()
    expect((await callers.tokenOf(given.clientId)).body).toMatchObject({ scope: 'legacy_accounts' })
    const insufficient = 'Bearer error="insufficient_scope", scope="legacy_accounts"'
    for (const scope of [undefined, 'openid']) {
      const { body } = await callers.tokenOf(given.clientId, { scope })
      const authorization = `Bearer ${String(body['access_token'])}`
      const reply = await callers.at(given.clientId, { authorization }).changesAnswer()
      expect(reply).toMatchObject({ status: 403, body: { code: 'forbidden' } })
      expect(reply.headers.get('www-authenticate')).toBe(insufficient)
    }
    // A scope that the registry removes no longer works in tokens in use.
    for (const changes of [
      { grant_types: grants, scope: 'openid profile' },
      { grant_types: ['authorization_code'] },
    ]) {
      await world.register(portalDefinition(given.clientId, changes))
      expect(await given.changesAnswer()).toMatchObject({ status: 403 })
    }
    await world.register(portalDefinition(given.clientId, { grant_types: grants }))
    expect(await given.changesAnswer()).toMatchObject({ status: 200 })
    await world.db.query(`update client set state = 'suspended', version = version + 1 where id = $1`, [
      given.clientId,
    ])
    // Every node renews its registry within seconds.
    await expect
      .poll(() => given.changesAnswer(), { timeout: 5_000, interval: 10 })
      .toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
  })

  test('a token bound to a key requires a new proof of that key', async () => {
    const definition = { grant_types: grants, dpop_bound_access_tokens: true }
    await world.register(portalDefinition('bound', definition))
    const [mine, another] = [await newSigner(), await newSigner()]
    const { body } = await callers.tokenOf(
      'bound',
      {},
      { dpop: await proof(mine, 'POST', `${world.issuer}/token`) },
    )
    expect(body).toMatchObject({ token_type: 'DPoP' })
    const token = String(body['access_token'])
    const path = `${world.issuer}/legacy-accounts/changes`
    const prove = (signer: Signer, claims = {}, htm = 'GET', htu = path) =>
      proof(signer, htm, htu, { ath: hashOf(token), ...claims })
    const answer = async (dpop: string | undefined, scheme = 'DPoP') => {
      const headers = { authorization: `${scheme} ${token}`, ...(dpop && { dpop }) }
      return (await callers.at('bound', headers).changesAnswer()).status
    }
    const good = await prove(mine)
    expect(await answer(good)).toBe(200)
    expect(await answer(await prove(mine, { nonce: 'of-the-token-endpoint' }))).toBe(200)
    const old = Math.floor(Date.now() / 1000) - 400
    for (const [what, dpop, scheme] of [
      ['used before', good, undefined],
      ['none', undefined, undefined],
      ['none, with the scheme Bearer', undefined, 'Bearer'],
      ['with the scheme Bearer', await prove(mine), 'Bearer'],
      ['of another key', await prove(another), undefined],
      ['for another token', await prove(mine, { ath: hashOf('x') }), undefined],
      ['without ath', await proof(mine, 'GET', path), undefined],
      ['for another method', await prove(mine, {}, 'POST'), undefined],
      ['for another URL', await prove(mine, {}, 'GET', `${world.issuer}/me`), undefined],
      ['of yesterday', await prove(mine, { iat: old }), undefined],
      ['without jti', await prove(mine, { jti: undefined }), undefined],
      ['not a JWT', 'x.y.z', undefined],
    ] as const) {
      expect({ what, status: await answer(dpop, scheme) }).toEqual({ what, status: 401 })
    }
    const unbound = await callers.open()
    const { body: bearer } = await callers.tokenOf(unbound.clientId)
    const headers = {
      authorization: `DPoP ${String(bearer['access_token'])}`,
      dpop: await proof(mine, 'GET', path, { ath: hashOf(String(bearer['access_token'])) }),
    }
    const refused = await callers.at(unbound.clientId, headers).changesAnswer()
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe(
      'DPoP error="invalid_token", algs="ES256 Ed25519 EdDSA"',
    )
  })
})
