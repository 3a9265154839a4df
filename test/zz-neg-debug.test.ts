import { test } from 'vitest'
import { openWorld, portalDefinition } from './support/world.ts'
import { ask, tokensFor, wish } from './support/wire.ts'
const world = await openWorld()
await world.register(portalDefinition('portal-a'))
test('x', async () => {
  const { id_token: hint } = await tokensFor(world, 'portal-a')
  world.simulator.approve('binh')
  const other = await ask(world, wish('portal-a', { id_token_hint: hint }))
  console.log(other.heard, other.visitor.steps.map((s) => [s.url.slice(0, 60), s.status]))
  const o = await ask(world, wish('portal-a', { prompt: 'none' }), other.visitor)
  console.log(o.heard)
  console.log(await world.db.query('select event, client_id, subject_id, detail from audit_event order by id'))
  world.simulator.approve('chi')
  const e = await ask(world, wish('portal-a', { claims: JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:vneid:2' } } }) }))
  console.log(e.heard, await ask(world, wish('portal-a', { prompt: 'none' }), e.visitor).then((a) => a.heard))
  console.log(await world.db.query('select event, client_id, subject_id, detail from audit_event order by id desc limit 3'))
  console.log((await ask(world, wish('portal-a', { scope: 'openid nonsense' }))).heard)
  console.log(world.logLines.slice(-12).join(''))
})
