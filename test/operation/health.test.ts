import { expect, onTestFinished, test } from 'vitest'
import request from 'supertest'
import { createHealthServer } from '../../src/http/health.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld()

test('a running broker is alive and ready', async () => {
  await request(world.operationsUrl).get('/health/live').expect(200, { status: 'alive' })
  await request(world.operationsUrl).get('/health/ready').expect(200, { status: 'ready' })
})

test('metrics are on the operations port and not on the public one', async () => {
  const { text } = await request(world.operationsUrl).get('/metrics').expect(200)
  expect(text).toContain('# TYPE http_request_duration_seconds histogram')
  expect(text).toContain('store_round_trips_total{store="database"}')
  for (const path of ['/metrics', '/health/ready', '/health/live'])
    await request(world.issuer).get(path).expect(404)
})

test('metric labels are closed sets: a made-up path is counted as other', async () => {
  await request(world.issuer).get('/a-path-nobody-has').expect(404)
  const { text } = await request(world.operationsUrl).get('/metrics')
  expect(text).not.toContain('a-path-nobody-has')
  expect(text).toMatch(/http_request_duration_seconds_count\{route="other",status="404"\} \d/)
})

test('readiness names what is missing, does not require VNeID, and reports that the node is draining', async () => {
  let draining = false
  let isDatabaseAway = true
  const server = createHealthServer({
    needed: {
      database: () => (isDatabaseAway ? new Promise(() => {}) : Promise.resolve()),
      state: () => Promise.resolve(),
    },
    reported: { upstream: () => Promise.reject(new Error('away')) },
    isDraining: () => draining,
    patience: 100,
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  await request(server)
    .get('/health/ready')
    .expect(503, { status: 'not ready', missing: ['database', 'upstream'] })
  isDatabaseAway = false
  await request(server)
    .get('/health/ready')
    .expect(200, { status: 'ready', degraded: ['upstream'] })
  draining = true
  await request(server).get('/health/ready').expect(503, { status: 'draining' })
  await request(server).get('/health/live').expect(200)
})

test('readiness reports a database schema that is older than the release', async () => {
  const { db } = world
  const missing = async () =>
    ((await (await fetch(`${world.operationsUrl}/health/ready`)).json()) as { missing?: string[] }).missing
  const taken = await db.query<{ name: string; checksum: string }>(
    `delete from migration where name = (select max(name) from migration) returning name, checksum`,
  )
  expect(await missing()).toEqual(['migrations'])
  const { text } = await request(world.operationsUrl).get('/metrics')
  expect(text).toContain('dependency_up{dependency="migrations"} 0')
  expect(text).toContain('dependency_up{dependency="database"} 1')
  for (const { name, checksum } of taken)
    await db.query('insert into migration (name, checksum) values ($1, $2)', [name, checksum])
  expect(await missing()).toBe(undefined)
})

test('a node that receives a stop signal reports draining first, and accepts connections for DRAIN_DELAY', async () => {
  await world.restart({ DRAIN_DELAY: '1' })
  const ended = world.restart({ DRAIN_DELAY: '0' })
  await Promise.all([
    request(world.operationsUrl).get('/health/ready').expect(503, { status: 'draining' }),
    request(world.issuer).get('/jwks').expect(200),
  ])
  await ended
  await request(world.operationsUrl).get('/health/ready').expect(200)
})
