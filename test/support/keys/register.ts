/** A portal's accounts and its citizens under a growing key ring, and the officer who re-seals them. */
import { randomBytes, randomUUID } from 'node:crypto'
import { expect, vi } from 'vitest'
import { type AdminClient, createAdminClient } from '../../../src/cli/client.ts'
import { createOperator } from '../../../src/operators/operators.ts'
import { generateOperatorKey } from '../../../src/operators/key.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { createMapping } from '../mapping/mapping.ts'
import { identityOf, numberOf, occasionAt } from '../mapping/keys.ts'
import { newNumber } from '../operators/operators.ts'
import { recordSecrets } from '../record.ts'
import { type World, portalDefinition } from '../world.ts'

export interface Run {
  readonly id: string
  readonly state: string
  readonly rows_total: number
  readonly rows_done: number
  readonly rows_changed: number
  readonly rows_unreadable: number
}
export interface RingReport {
  readonly seal: readonly { needed: boolean; tables: Record<string, number> }[]
  readonly index: readonly { needed: boolean }[]
  readonly unreadable: Record<string, number>
  readonly operators_behind: number
}
interface RingKeys {
  readonly seal: readonly Buffer[]
  readonly index: readonly Buffer[]
}

export function newKey() {
  const key = randomBytes(32)
  recordSecrets([key.toString('base64url')])
  return key
}

const written = (keys: readonly Buffer[]) => keys.map((key) => key.toString('base64url')).join(',')
export const settingsOf = ({ seal, index }: RingKeys) => ({
  SEAL_KEYS: written(seal),
  INDEX_KEYS: written(index),
})

/** A security officer with a key, at any node of the world. */
export async function openOfficer({ db, config }: World) {
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  const log = createLog({ level: 'silent' })
  const id = 'key.officer'
  await createOperator({ db, log, actor: 'local' }, { id, roles: ['security_officer'], key: publicKey })
  return (url: string): AdminClient =>
    createAdminClient({ url, audience: config.admin.audience, operatorId: id, key: privateKey })
}

export const runOf = (admin: AdminClient, id: string) => admin.call<Run>('GET', `/v1/reseals/${id}`)
export const ringAt = (admin: AdminClient) => admin.call<RingReport>('GET', '/v1/key-ring')

/** Starts or continues a run, and waits for its end. */
export async function reseal(admin: AdminClient) {
  const begun = await admin.call<Run>('POST', '/v1/reseals')
  return vi.waitFor(
    async () => {
      const run = await runOf(admin, begun.id)
      expect(run.state).toBe('done')
      return { ...begun, ...run }
    },
    { timeout: 60_000, interval: 25 },
  )
}

/**
 * Imports the accounts of `people` and signs in the first `citizens` of them, all under the initial keys.
 */
export async function openRegister(world: World, { people, citizens }: { people: number; citizens: number }) {
  const { db } = world
  const { keys: old } = world.config
  await world.register(portalDefinition('portal'))
  const grown = { ...old, seal: [newKey(), ...old.seal], index: [newKey(), ...old.index] }
  const under = (keys: Parameters<typeof createMapping>[0]['keys'] & object) => createMapping({ db, keys })
  const rows = Array.from({ length: people }, (_, index) => ({
    account_id: `a${index}`,
    citizen_id: numberOf(index),
    province: '01',
    name: 'Người Thử',
    ...(index % 5 === 0 ? {} : { attested_at: '2024-05-20' }),
    ...(index % 7 === 0 ? { cmnd: String(100_000_000 + index) } : {}),
  }))
  const before = under(old)
  await before.importRows('portal', ...rows)
  for (let person = 0; person < citizens; person++)
    await before.signIn(identityOf(person), occasionAt('portal'))
  return {
    rows,
    old,
    grown,
    /** The newest keys, without the initial ones. */
    alone: { ...old, seal: grown.seal.slice(0, 1), index: grown.index.slice(0, 1) },
    under,
    count: async (text: string) => (await db.query<{ n: number }>(`select count(*)::int as n ${text}`))[0]!.n,
    /** An approval for another number of a person, sealed under the first keys. @returns its id */
    async askRekey() {
      const [someone] = await db.query<{ id: string }>('select id from subject order by id limit 1')
      return before.rekey(
        { subject: someone!.id, number: identityOf(900_000).identifier.reveal() },
        { actor: 'officer.one', reference: 'R', reason: 'a new number', evidence: 'file 1' },
      )
    },
  }
}

/** A request for a new operator that can be repeated, so that its stored answer is sealed in the database. */
export function newOperatorRequest() {
  const wanted = { id: 'new.viewer', roles: ['viewer'], citizen_id: newNumber() }
  const again = { idempotencyKey: randomUUID() }
  const send = (admin: AdminClient) =>
    admin.call<{ approval: string }>('POST', '/v1/operators', wanted, again)
  return { wanted, send }
}
