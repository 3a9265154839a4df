import { expect, test } from 'vitest'
import * as client from 'openid-client'
import { openWorld, portalDefinition } from './support/world.ts'
import { citizenNamed } from '../src/sandbox/citizens.ts'
test('smoke', async () => {
  const world = await openWorld({ database: 'server', state: 'server' })
  try {
  await world.register(portalDefinition('portal-a'))
  await world.legacyAccount({ clientId: 'portal-a', accountId: 'old-1', number: citizenNamed('an').number })
  const portal = await world.portal({ clientId: 'portal-a', scope: 'openid profile citizen_id legacy_accounts' })
  const r = await portal.signIn()
  console.log(r.visitor.steps.map(s => `${s.method} ${s.url.slice(0,120)} ${s.status}`).join('\n'))
  console.log(r.claims)
  console.log(await client.fetchUserInfo(portal.config, r.tokens.access_token, r.claims.sub))
  console.log(await client.refreshTokenGrant(portal.config, r.tokens.refresh_token!))
  } finally { console.log(world.logLines.join('')) }
})
