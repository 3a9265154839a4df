/** Dumps the database, restores it on another server, and runs a broker there with the same keys. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { expect, inject, onTestFinished, test, vi } from 'vitest'
import { createAdminClient } from '../../src/cli/client.ts'
import { createOperator } from '../../src/operators/operators.ts'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { verifyFrom } from '../../src/cli/audit-verifying.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { type Db, openDatabase } from '../../src/store/db.ts'
import { openProxy, startBroker } from '../support/broker-process.ts'
import { findBinary, startPostgres, startRedis } from '../support/private-servers.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const run = promisify(execFile)
const here = inject('databaseUrl') !== undefined && inject('redisUrl') !== undefined
const rowsOf = (db: Db, table: string) => db.query(`select t::text as row from ${table} t order by 1`)

test.skipIf(!here)(
  'a dump restored elsewhere, with the same keys and an empty Redis, is the same broker (needs PostgreSQL and Redis)',
  { timeout: 180_000 },
  async () => {
    // The broker before the dump.
    const proxy = await openProxy()
    const world = await openWorld({ database: 'server', state: 'server', environment: { ISSUER: proxy.url } })
    proxy.to(`http://127.0.0.1:${world.config.listen.port}`)
    await world.register(portalDefinition('portal-a'))
    await world.legacyAccount({ clientId: 'portal-a', accountId: 'old-1', number: citizenNamed('an').number })
    const portal = await world.portal({
      clientId: 'portal-a',
      scope: 'openid legacy_accounts offline_access',
    })
    const before = await portal.signIn()
    const accounts = await portal.userinfo(before.tokens.access_token)
    const key = await generateOperatorKey()
    await createOperator(
      { db: world.db, log: createLog({ level: 'silent' }), actor: 'local' },
      { id: 'auditor', roles: ['auditor'], key: key.publicKey },
    )
    const auditor = (url: string) =>
      createAdminClient({
        url,
        audience: world.config.admin.audience,
        operatorId: 'auditor',
        key: key.privateKey,
      })
    await auditor(world.adminUrl).call('POST', '/v1/audit/checkpoints')
    const publicKeys = await auditor(world.adminUrl).call<{ keys: object[] }>('GET', '/v1/audit/keys')

    // The node writes this some seconds after the login: not between the dump and the comparison.
    const counted = () => world.db.query('select 1 from client where first_person_at is not null')
    await vi.waitFor(async () => expect(await counted()).toHaveLength(1), { timeout: 20_000, interval: 100 })

    // docs/operate/backup.md
    const folder = mkdtempSync(join(tmpdir(), 'broker-backup-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'broker.dump')
    await run(findBinary('pg_dump')!, ['-Fc', '-f', file, '-d', world.config.database.url])
    const [cluster, redis] = [(await startPostgres())!, (await startRedis())!]
    onTestFinished(() => Promise.all([cluster.stop(), redis.stop()]).then(() => undefined))
    const admin = new pg.Client({ connectionString: cluster.url })
    await admin.connect()
    await admin.query('create database restored')
    await admin.end()
    const url = new URL('/restored', cluster.url).href
    await run(findBinary('pg_restore')!, [
      '--no-owner',
      '--no-privileges',
      '--exit-on-error',
      '-d',
      url,
      file,
    ])
    const db = await openDatabase({ url })
    onTestFinished(() => db.close())
    for (const table of [
      'subject',
      'identifier_key',
      'legacy_account',
      'account_link',
      'client',
      'audit_event',
    ]) {
      const [original, restored] = await Promise.all([rowsOf(world.db, table), rowsOf(db, table)])
      expect(restored.length).toBeGreaterThan(0)
      expect(restored).toEqual(original)
    }

    // The broker after the restore.
    const broker = await startBroker({ ...world.settings, DATABASE_URL: url, STATE_URL: redis.url })
    proxy.to(broker.url)
    const kept = join(folder, 'audit-keys.json')
    writeFileSync(kept, JSON.stringify(publicKeys))
    const source = { open: () => auditor(broker.adminUrl).download('/v1/audit/export') }
    const verdict = await verifyFrom(source, { keyFile: kept, expected: undefined })
    expect(verdict.faults).toEqual([])
    expect(verdict.rows).toBeGreaterThan(5)

    // Sessions, tokens and logins under way are gone: Redis alone held them.
    const alone = await portal.ask({ prompt: 'none' }, before.visitor)
    expect(alone.answer['error']).toBe('login_required')
    await expect(portal.userinfo(before.tokens.access_token)).rejects.toMatchObject({ status: 401 })
    await expect(portal.refresh(before.tokens.refresh_token)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    // An ID token from before the dump verifies with the same keys.
    const keys = (await (await fetch(`${broker.url}/jwks`)).json()) as { keys: { kid: string }[] }
    const [header = ''] = before.tokens.id_token!.split('.')
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
    expect(keys.keys.map((one) => one.kid)).toContain(kid)
    // The person and the owner of the old account are unchanged.
    const after = await portal.signIn({}, before.visitor)
    expect(after.claims.sub).toBe(before.claims.sub)
    expect(await portal.userinfo(after.tokens.access_token)).toMatchObject({
      legacy_accounts: accounts['legacy_accounts'],
    })
    broker.kill('SIGTERM')
    expect(await broker.ended).toBe(0)
  },
)
