/** Signing keys come, follow each other and go; `key-store.ts` publishes what the calendar says. */
import { announce as tell, type AuditEvent } from '../audit.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Seal } from '../crypto/seal.ts'
import { insertAuditEvents } from '../store/audit.ts'
import type { Db } from '../store/db.ts'
import {
  insertSigningKey,
  listCalendar,
  listDueAlgorithms,
  lockSigningKeys,
  retireSigningKeys,
  revokeSigningKey,
  startNextSigningKey,
} from '../store/keys.ts'
import { type SigningAlgorithm, makeKey, signingAlgorithms } from './signing-key.ts'

export { type SigningAlgorithm, signingAlgorithms } from './signing-key.ts'

/** Seconds that a portal may keep the JWKS (`Cache-Control`). */
export const cacheTime = 600
/** Seconds between publication and first signature: usually, and at least (the cache, and five minutes for clocks). */
export const usualAnnouncement = 24 * 3600
export const leastAnnouncement = cacheTime + 300

export interface KeyTools {
  readonly db: Db
  readonly seal: Seal
  readonly log: Log
  /** Who is at it, for the audit. */
  readonly actor?: string
  readonly reference?: string
}

interface Made {
  readonly kid: string
  readonly signsFrom: Date
}

/**
 * Makes the algorithm's next key: published at once, it signs once it has been announced. The very first signs at once.
 * @returns its `kid`
 */
export async function generateSigningKey(tools: KeyTools, alg: SigningAlgorithm): Promise<string> {
  return (await rotateSigningKey(tools, alg)).kid
}

/** @throws BrokerError `state_conflict` when the next one is announced already */
export async function rotateSigningKey(
  tools: KeyTools,
  alg: SigningAlgorithm,
  announcement = usualAnnouncement,
): Promise<Made> {
  const made = await addKey(tools, alg, { announce: announcement }, async (tx) => {
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
export async function ensureSigningKey(tools: KeyTools, alg: SigningAlgorithm): Promise<string | undefined> {
  const isWanted = async (db: Db) => (await listCalendar(db)).every((row) => row.alg !== alg)
  if (!(await isWanted(tools.db))) return undefined
  return (await addKey(tools, alg, { announce: usualAnnouncement }, isWanted))?.kid
}

/** Announces successors in time, so that none signs for more than `days`. Whichever node comes first does it. */
export async function rotateDueKeys(
  tools: KeyTools,
  { days, announce = usualAnnouncement }: { days: number; announce?: number },
): Promise<string[]> {
  if (days === 0) return []
  const made: string[] = []
  const due = (db: Db) => listDueAlgorithms(db, { days, announce })
  for (const { alg, dueAt } of await due(tools.db)) {
    const known = signingAlgorithms.find((name) => name === alg)!
    const isWanted = async (tx: Db) => (await due(tx)).some((row) => row.alg === alg)
    const key = await addKey(tools, known, { announce, notBefore: dueAt }, isWanted)
    if (key !== undefined) made.push(key.kid)
  }
  return made
}

/** Deletes the private halves of keys whose signatures have all expired. */
export async function retireOldKeys({ db, log }: Pick<KeyTools, 'db' | 'log'>): Promise<string[]> {
  let events: AuditEvent[] = []
  await db.transaction(async (tx) => {
    await lockSigningKeys(tx)
    const gone = await retireSigningKeys(tx)
    events = gone.map(retired)
    if (events.length > 0) await insertAuditEvents(tx, events)
  })
  tell(log, events)
  return events.map(({ detail }) => detail!['kid'] as string)
}

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
export async function revokeKey(
  tools: KeyTools,
  { kid, reason }: { kid: string; reason: string },
): Promise<{ signs: string }> {
  const { db, seal, log, actor = 'local', reference } = tools
  const about = { actor, ...(reference !== undefined && { reference }) }
  const events: AuditEvent[] = []
  const signs = await db.transaction(async (tx) => {
    await lockSigningKeys(tx)
    // One that portals do not find any more cannot sign in its place.
    const past = await retireSigningKeys(tx)
    events.push(...past.map(retired))
    const gone = await revokeSigningKey(tx, kid, { by: actor, reason })
    if (gone === undefined) throw new BrokerError('not_found', 'no such key, or it is revoked already')
    const { alg } = gone
    // The reason is a person's own words, so it stays in the key's row.
    events.push({ event: 'key.revoked', ...about, detail: { kid, alg } })
    let current = await startNextSigningKey(tx, alg)
    if (current === undefined) {
      const key = await makeKey(alg as SigningAlgorithm)
      current = key.kid
      const sealed = seal.seal(JSON.stringify(key.private), current)
      await insertSigningKey(tx, { ...key, alg, sealed }, { announce: 0 })
      events.push({ event: 'key.generated', ...about, detail: { kid: current, alg } })
    }
    await insertAuditEvents(tx, events)
    return current
  })
  tell(log, events)
  return { signs }
}

/** @param isWanted asked where nobody else adds or takes away keys; false: nothing is done */
async function addKey(
  { db, seal, log, actor = 'local', reference }: KeyTools,
  alg: SigningAlgorithm,
  when: { announce: number; notBefore?: Date },
  isWanted: (tx: Db) => Promise<boolean>,
): Promise<Made | undefined> {
  const key = await makeKey(alg)
  const { kid } = key
  const sealed = seal.seal(JSON.stringify(key.private), kid)
  const made = await db.transaction(async (tx) => {
    await lockSigningKeys(tx)
    if (!(await isWanted(tx))) return undefined
    const signsFrom = await insertSigningKey(tx, { ...key, alg, sealed }, when)
    const detail = { kid, alg, signs_from: signsFrom.toISOString() }
    const about = { actor, ...(reference !== undefined && { reference }), detail }
    const events: AuditEvent[] = [{ event: 'key.generated', ...about }]
    await insertAuditEvents(tx, events)
    return { signsFrom, events }
  })
  if (made === undefined) return undefined
  tell(log, made.events)
  return { kid, signsFrom: made.signsFrom }
}
