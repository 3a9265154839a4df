import { test } from 'vitest'
import { openWorld, portalDefinition } from './support/world.ts'
const world = await openWorld()
test('x', async () => {
  await world.register(portalDefinition('portal-a'), portalDefinition('portal-b', {policy:{session_reuse:false}}))
  const a = await world.portal({clientId:'portal-a'})
  const b = await world.portal({clientId:'portal-b'})
  const {visitor} = await a.signIn()
  try { await b.signIn({}, visitor) } catch (e) { console.log(e, (e as any).cause) }
  console.log(world.logLines.slice(-8).join(''))
  for (const s of visitor.steps) console.log(s.method, s.url.slice(0,100), s.status)
})
