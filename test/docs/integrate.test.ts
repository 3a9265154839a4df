import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { readExamples } from '../../src/sandbox/examples.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { freePort } from '../support/private-servers.ts'
import { openWorld, type World } from '../support/world.ts'

const guide = readFileSync(new URL('../../docs/integrate.md', import.meta.url), 'utf8')

let world: World
beforeAll(async () => {
  world = await openWorld()
})

test('the portal of the integration guide signs a citizen in unchanged', async () => {
  const [, script] = /```js\n([\s\S]+?)```/.exec(guide) ?? []
  const definition = (await readExamples()).find((client) => client.client_id === 'portal-of-yours')
  expect(script).toBeDefined()
  expect(definition).toBeDefined()

  // Uses another port than the printed one, which may be taken.
  const port = String(await freePort())
  const moved = (text: string) => text.replaceAll('8080', port)
  await world.register(JSON.parse(moved(JSON.stringify(definition))) as Record<string, unknown>)
  await world.legacyAccount({
    clientId: 'portal-of-yours',
    accountId: 'nguyenvanan85',
    number: citizenNamed('an').number,
  })

  const portal = spawn(process.execPath, ['--input-type=module', '--eval', moved(script!)], {
    env: { ISSUER: world.issuer },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void portal.kill())
  await once(portal.stdout, 'data')

  const { status, body } = await createVisitor().open(`http://127.0.0.1:${port}/`)
  expect({ status, body }).toMatchObject({ status: 200 })
  expect(JSON.parse(body)).toMatchObject({
    idToken: { kind: 'citizen', acr: 'urn:vneid:2' },
    person: {
      name: citizenNamed('an').name.normalize('NFC'),
      legacy_accounts: [{ id: 'nguyenvanan85', method: 'attested_number' }],
    },
  })
})

test('the guide names every scope, every claim and every error that a portal can get', async () => {
  const { claimsByScope } = await import('../../src/registry/scopes.ts')
  for (const [scope, claims] of Object.entries(claimsByScope)) {
    for (const name of [scope, ...claims]) expect(guide).toContain(`\`${name}\``)
  }
  const { errorTable } = await import('../../src/errors.ts')
  const heard = Object.values(errorTable).flatMap(({ oauth }) => oauth ?? [])
  for (const oauth of new Set(heard).difference(new Set(['server_error'])))
    expect(guide).toContain(`\`${oauth}\``)
})
