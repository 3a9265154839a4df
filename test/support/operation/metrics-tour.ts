/** A broker after requests of every kind, and the metrics that it then exposes. */
import { generateSigningKey } from '../../../src/oidc/keys.ts'
import { createSeal } from '../../../src/crypto/seal.ts'
import { citizenNamed } from '../../../src/sandbox/citizens.ts'
import { createVisitor } from '../../../src/sandbox/visitor.ts'
import { openListener } from './listener.ts'
import { press } from '../portal.ts'
import { basic, post } from '../wire.ts'
import { openWorld, portalDefinition, type World } from '../world.ts'

/** @returns the text of `/metrics` */
export async function tour(): Promise<string> {
  const world = await openWorld({ state: 'embedded' })
  await seePortals(world)
  await seeMapping(world)
  await generateSigningKey(
    { db: world.db, seal: createSeal(world.config.keys.seal, 'signing key'), log: silent },
    'ES256',
    { actor: 'local' },
  )
  const read = async () => (await fetch(`${world.operationsUrl}/metrics`)).text()
  // The pool's figures are taken every second.
  if (world.config.database.url.startsWith('postgres'))
    while (!(await read()).includes('database_connections{state="in_use"}'))
      await new Promise((resolve) => void setTimeout(resolve, 50))
  return read()
}

const silent = { info() {}, warn() {}, error() {}, debug() {} } as never

/** Two portals, of which one accepts logout notices; one sign-in is completed, one refused. */
async function seePortals(world: World): Promise<void> {
  const listener = await openListener()
  const policy = { private_networks: ['127.0.0.0/8'] }
  await world.register(
    portalDefinition('portal-a', { backchannel_logout_uri: `${listener.url}/a`, policy }),
    portalDefinition('portal-b', { backchannel_logout_uri: 'http://127.0.0.1:9/nobody', policy }),
  )
  const visitor = createVisitor()
  const first = await world.portal({ clientId: 'portal-a' })
  const { tokens } = await first.signIn({}, visitor)
  await first.userinfo(tokens.access_token)
  await (await world.portal({ clientId: 'portal-b' })).signIn({}, visitor)
  const question = await visitor.open(`${world.issuer}/session/end`)
  await press(visitor, question, { logout: 'yes' })

  world.simulator.approve('chi')
  await first.ask({ acr_values: 'urn:vneid:2' })
  world.simulator.approve('an')
  for (const client_secret of ['wrong', 'wrong again'])
    await post(world, '/token', { grant_type: 'authorization_code', client_id: 'portal-a', client_secret })
  await post(world, '/token', { grant_type: 'refresh_token', refresh_token: 'x' }, basic('portal-a'))
  await post(world, '/token', { grant_type: 'authorization_code' }, basic('portal-a'))
  await fetch(`${world.issuer}/auth?client_id=portal-a`)
  await fetch(`${world.issuer}/session/end?client_id=portal-a&post_logout_redirect_uri=https://evil.example/`)
}

async function seeMapping(world: World): Promise<void> {
  const { number } = citizenNamed('binh')
  await world.legacyAccount({ clientId: 'portal-a', accountId: 'old', number, attested: false })
  world.simulator.approve('binh')
  await (await world.portal({ clientId: 'portal-a' })).signIn()
}

/** By metric: the labels of each series; empty for a metric that is only declared. */
export function exposedBy(text: string): Map<string, Readonly<Record<string, string>>[]> {
  const found = new Map<string, Record<string, string>[]>()
  for (const line of text.split('\n')) {
    const [, declared] = /^# TYPE (\w+) /.exec(line) ?? []
    if (declared !== undefined) found.set(declared, [])
    const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? []
    if (name === undefined) continue
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, value]) => [
      label!,
      value!,
    ])
    found.set(name, [...(found.get(name) ?? []), Object.fromEntries(pairs) as Record<string, string>])
  }
  return found
}
