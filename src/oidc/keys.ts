/** Signing keys come, follow each other and go; `key-store.ts` publishes what the calendar says. */
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
 * Makes the algorithm's next key: published at once, it signs once it has been announced. The very first signs at once.
 * @returns its `kid`
 */
export async function generateSigningKey(tools: Tools, alg: SigningAlgorithm, by: By): Promise<string> {
  return (await rotateSigningKey(tools, alg, by)).kid
}

/** @throws BrokerError `state_conflict` when the next one is announced already */
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
      `the next ${alg} key is announced already and signs from ${next.signsFrom.toISOString()}`,
    )
  })
  return made!
}

/** @returns undefined when there is one of that algorithm already */
export async function ensureSigningKey(
  tools: Tools,
  alg: SigningAlgorithm,
  by: By,
): Promise<string | undefined> {
  const isWanted = async (db: Db) => (await listCalendar(db)).every((row) => row.alg !== alg)
  if (!(await isWanted(tools.db))) return undefined
  return (await addKey(tools, alg, by, { announce: usualAnnouncement }, isWanted))?.kid
}

/** Announces successors in time, so that none signs for more than `days`. Whichever node comes first does it. */
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
 * A leaked key: out of the JWKS within seconds, and its signatures prove nothing to us either. The key before it
 * signs again, or the announced one; where there is neither, a new one.
 * @returns the kid that signs now
 */
export const revokeKey = (
  tools: Tools,
  kid: string,
  { actor, reference, reason }: Reasoned,
): Promise<{ signs: string }> =>
  audited(tools, async (tx, note) => {
    await lockSigningKeys(tx)
    // A key that portals no longer find cannot sign in its place.
    for (const key of await retireSigningKeys(tx)) note(retired(key))
    const gone = await revokeSigningKey(tx, kid, { by: actor, reason })
    if (gone === undefined) throw new BrokerError('not_found', 'no such key, or it is revoked already')
    const { alg } = gone
    // The reason is a person's own words, so it stays in the key's row.
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

/** @param isWanted asked where nobody else adds or takes away keys; false: nothing is done */
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
