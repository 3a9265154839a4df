/** Generates, rotates, retires and revokes signing keys. `key-store.ts` publishes the calendar that results. */
import type { AuditEvent } from '../audit.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Seal } from '../crypto/seal.ts'
import { type By, type Reasoned, audited } from '../recording.ts'
import type { Database, Db } from '../store/db.ts'
import {
  insertSigningKey,
  listCalendar,
  listDueAlgorithms,
  lockSigningKeys,
  retireSigningKeys,
  revokeSigningKey,
  startNextSigningKey,
  usualAnnouncement,
} from '../store/keys.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../vocabulary.ts'
import { makeKey } from './signing-key.ts'

interface Tools {
  readonly db: Database
  readonly seal: Seal
  readonly log: Log
}

interface Made {
  readonly kid: string
  readonly signsFrom: Date
}

/**
 * Creates the algorithm's next key. It is published at once and signs after the announcement period; an algorithm's first
 * key signs at once.
 * @returns its `kid`
 */
export async function generateSigningKey(tools: Tools, alg: SigningAlgorithm, by: By): Promise<string> {
  return (await rotateSigningKey(tools, alg, by)).kid
}

/**
 * @param announcement seconds between publication and first signature
 * @throws BrokerError `state_conflict` if the next key is already announced
 */
export async function rotateSigningKey(
  tools: Tools,
  alg: SigningAlgorithm,
  by: By,
  announcement = usualAnnouncement,
): Promise<Made> {
  const made = await addKey(tools, alg, by, { announce: announcement }, async (tx) => {
    const next = (await listCalendar(tx)).find((row) => row.alg === alg && row.state === 'next')
    if (next === undefined) return true
    throw new BrokerError(
      'state_conflict',
      `the next ${alg} key is already announced and signs from ${next.signsFrom.toISOString()}`,
    )
  })
  return made!
}

/** @returns the new key's `kid`; undefined if the algorithm already has a key */
export async function ensureSigningKey(
  tools: Tools,
  alg: SigningAlgorithm,
  by: By,
): Promise<string | undefined> {
  const isWanted = async (db: Db) => (await listCalendar(db)).every((row) => row.alg !== alg)
  if (!(await isWanted(tools.db))) return undefined
  return (await addKey(tools, alg, by, { announce: usualAnnouncement }, isWanted))?.kid
}

/** Announces successors in time, so that no key signs for more than `days`. The first node that notices does it. @returns the new `kid`s */
export async function rotateDueKeys(
  tools: Tools,
  { days, announce = usualAnnouncement }: { days: number; announce?: number },
): Promise<string[]> {
  if (days === 0) return []
  const made: string[] = []
  const due = (db: Db) => listDueAlgorithms(db, { days, announce })
  for (const { alg, dueAt } of await due(tools.db)) {
    const known = signingAlgorithms.find((name) => name === alg)!
    const isWanted = async (tx: Db) => (await due(tx)).some((row) => row.alg === alg)
    const key = await addKey(tools, known, { actor: 'system' }, { announce, notBefore: dueAt }, isWanted)
    if (key !== undefined) made.push(key.kid)
  }
  return made
}

/** Deletes the private halves of keys whose signatures have all expired. */
export const retireOldKeys = (tools: Pick<Tools, 'db' | 'log'>): Promise<string[]> =>
  audited(tools, async (tx, note) => {
    await lockSigningKeys(tx)
    const gone = await retireSigningKeys(tx)
    for (const key of gone) note(retired(key))
    return gone.map(({ kid }) => kid)
  })

const retired = (detail: { kid: string; alg: string }): AuditEvent => ({
  event: 'key.retired',
  actor: 'system',
  detail,
})

/**
 * Revokes a leaked key. It leaves the JWK Set within seconds, and we no longer accept its signatures. The previous key
 * signs again, or the announced one; if there is neither, a new key is created.
 * @returns the `kid` that signs now
 * @throws BrokerError `not_found`
 */
export const revokeKey = (
  tools: Tools,
  kid: string,
  { actor, reference, reason }: Reasoned,
): Promise<{ signs: string }> =>
  audited(tools, async (tx, note) => {
    await lockSigningKeys(tx)
    // Retire first: a key that portals no longer find must not become the signing key.
    for (const key of await retireSigningKeys(tx)) note(retired(key))
    const gone = await revokeSigningKey(tx, kid, { by: actor, reason })
    if (gone === undefined)
      throw new BrokerError('not_found', 'there is no such key, or it is already revoked')
    const { alg } = gone
    // The reason is free text written by a person, so it stays in the key's row and out of the audit.
    note({ event: 'key.revoked', actor, reference, detail: { kid, alg } })
    let current = await startNextSigningKey(tx, alg)
    if (current === undefined) {
      const key = await makeKey(alg as SigningAlgorithm)
      current = key.kid
      const sealed = tools.seal.seal(JSON.stringify(key.private), current)
      await insertSigningKey(tx, { ...key, alg, sealed }, { announce: 0 })
      note({ event: 'key.generated', actor, reference, detail: { kid: current, alg } })
    }
    return { signs: current }
  })

/** @param isWanted called under the lock on signing keys; if it returns false, nothing is done */
async function addKey(
  tools: Tools,
  alg: SigningAlgorithm,
  { actor, reference }: By,
  when: { announce: number; notBefore?: Date },
  isWanted: (tx: Db) => Promise<boolean>,
): Promise<Made | undefined> {
  const key = await makeKey(alg)
  const { kid } = key
  const sealed = tools.seal.seal(JSON.stringify(key.private), kid)
  return audited(tools, async (tx, note) => {
    await lockSigningKeys(tx)
    if (!(await isWanted(tx))) return undefined
    const signsFrom = await insertSigningKey(tx, { ...key, alg, sealed }, when)
    const detail = { kid, alg, signs_from: signsFrom.toISOString() }
    note({ event: 'key.generated', actor, reference, detail })
    return { kid, signsFrom }
  })
}
