/**
 * Re-seals everything at rest under the newest keys of the ring, in batches, while logins, imports and acts continue.
 * Progress is stored with each batch, so a run that was killed continues when an operator starts re-sealing again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { AuditEvent } from '../audit.ts'
import { record } from '../recording.ts'
import type { CitizenKeys } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { LegacyRecords } from '../mapping/record.ts'
import { type Database, type Session, retried } from '../store/db.ts'
import { countOperatorsBehind, rekeyOperators } from '../store/operator-keys.ts'
import { waitBriefly } from '../store/reseal.ts'
import {
  type ResealRun,
  countToReseal,
  dropResealLock,
  endReseal,
  failReseal,
  findReseal,
  insertReseal,
  resumeReseal,
  stepReseal,
  takeResealLock,
} from '../store/reseal-runs.ts'
import { countSealed, forgetKeyUse, listKeysInUse, listKeyUse, sealedTables } from '../store/ring.ts'
import { type Step, resealSteps } from './reseal-steps.ts'
import { type Ring, claimPeriod, fingerprintOf, index, keyIds, protocolState, purposes } from './ring.ts'

export interface Reseal {
  /** Starts or continues a run and returns at once. @throws BrokerError `state_conflict` while one runs on any node */
  begin(by: { actor: string; reference: string }): Promise<BegunReseal>
  /** Stops the run of this node after its current batch, and resolves when it has stopped. */
  stop(): Promise<void>
}

export interface BegunReseal extends ResealRun {
  /** A node recently wrote under an older key; while it continues to do so, that key stays needed. */
  readonly olderKeyInUse: boolean
}

/** Rows per transaction: small, so that a login waits a few milliseconds at most. */
const batchSize = 50

/**
 * @param longest longest lifetime of a record in the state store, in seconds
 * @param period milliseconds between two claims of a node
 */
export function createReseal({
  db,
  ring,
  citizenKeys,
  records,
  longest,
  log,
  period = claimPeriod,
}: {
  db: Database
  ring: Ring
  citizenKeys: CitizenKeys
  records: LegacyRecords
  longest: number
  log: Log
  period?: number | undefined
}): Reseal {
  const steps = resealSteps({ ring, citizenKeys, records })
  const stopping = new AbortController()
  let running: Promise<void> | undefined
  const halt = () => {
    if (stopping.signal.aborted)
      throw new BrokerError('state_conflict', 'the node is stopping; start re-sealing again on another node')
  }
  const rest = (ms: number) => sleep(ms, undefined, { signal: stopping.signal }).catch(halt)

  async function work(session: Session, run: ResealRun): Promise<void> {
    const began = performance.now()
    const from = steps.findIndex(({ table }) => table === run.step)
    for (const [position, step] of steps.entries()) {
      if (position < from) continue
      let after = position === from ? run.lastRow : null
      for (;;) {
        halt()
        const begun = performance.now()
        const rows = await step.read(session, { after, limit: batchSize })
        if (rows.length === 0) break
        after = rows.at(-1)!.id
        await batch(session, run.id, step, rows, after)
        // Pauses as long as the batch took, to leave half of the time to other work.
        await rest(Math.min(1_000, performance.now() - begun))
      }
    }
    await rekeyOperators(session)
    // A node that still writes under an older key has claimed it again by then, even if one of its claims failed.
    await rest(Math.max(0, began + 2.5 * period - performance.now()))
    await conclude(session, run)
  }

  async function batch(
    session: Session,
    id: string,
    step: Step,
    rows: readonly { readonly id: string }[],
    lastRow: string,
  ): Promise<void> {
    const progress = { step: step.table, lastRow, done: rows.length }
    const { left, changed, unreadable } = await retried(() =>
      session.transaction(async (tx) => {
        const done = await step.write(tx, rows, false)
        // Progress moves on only when all rows of the batch are done.
        if (done.left.length === 0)
          await stepReseal(tx, id, { ...progress, ...done, unreadable: done.unreadable.length })
        return done
      }),
    )
    const lost = [...unreadable]
    for (const held of left) lost.push(...(await alone(session, step, held)))
    // The row id is enough to identify the row; its content cannot be read.
    for (const row of lost) log.error({ event: 'reseal.row_unreadable', reseal: id, table: step.table, row })
    if (left.length === 0) return
    const rewritten = changed + left.length - (lost.length - unreadable.length)
    await stepReseal(session, id, { ...progress, changed: rewritten, unreadable: lost.length })
  }

  /**
   * Handles one row that was locked or changed by another transaction: reads it again and waits for its lock.
   * @returns its id if it cannot be decrypted
   */
  async function alone(session: Session, step: Step, held: string): Promise<readonly string[]> {
    for (;;) {
      halt()
      const rows = await step.read(session, { ids: [held] })
      if (rows.length === 0) return []
      const done = await retried(() =>
        session.transaction(async (tx) => {
          await waitBriefly(tx)
          return step.write(tx, rows, true)
        }),
      ).catch((error: unknown) => {
        if ((error as { code?: string }).code !== '55P03') throw error
      })
      if (done?.left.length === 0) return done.unreadable
    }
  }

  /** Forgets the keys that no longer seal anything and that no node has used since the run began. */
  async function conclude(session: Session, run: ResealRun): Promise<void> {
    const lying = await countSealed(session)
    const uses = await listKeyUse(session)
    const behind = await countOperatorsBehind(session, ring.index.length)
    const { rowsUnreadable } = (await findReseal(session, run.id))!
    const isOver = ({ purpose, keyId }: (typeof uses)[number]) => {
      const [newest] = keyIds(ring, purpose)
      if (keyId.equals(newest!)) return false
      // A row that cannot be decrypted can only be found by its hash under the older index key.
      if (purpose === index && (behind > 0 || rowsUnreadable > 0)) return false
      return !lying.some((row) => row.purpose === purpose && row.keyId.equals(keyId))
    }
    const atRest = uses.filter((use) => [...purposes, index].includes(use.purpose) && isOver(use))
    await forgetKeyUse(session, atRest, run.begunAt)
    const outlived = new Date(Date.now() - longest * 1000)
    await forgetKeyUse(
      session,
      uses.filter((use) => use.purpose === protocolState && isOver(use)),
      outlived,
    )
    await endReseal(session, run.id)
  }

  async function take(session: Session, actor: string): Promise<ResealRun> {
    if (!(await takeResealLock(session)))
      throw new BrokerError('state_conflict', 're-sealing is already running')
    const mark = fingerprintOf(ring)
    const small = sealedTables.map(({ name, purpose }) => ({ name, keyId: keyIds(ring, purpose)[0]! }))
    return (
      (await resumeReseal(session, mark)) ??
      (await insertReseal(session, {
        ring: mark,
        begunBy: actor,
        rowsTotal: await countToReseal(session, small),
      }))
    )
  }

  async function isOlderInUse(session: Session): Promise<boolean> {
    const uses = await listKeysInUse(session, 2 * period)
    return uses.some(({ purpose, keyId }) => !keyId.equals(keyIds(ring, purpose)[0]!))
  }

  return {
    async begin({ actor, reference }) {
      if (running !== undefined) throw new BrokerError('state_conflict', 're-sealing is already running')
      const begun = Promise.withResolvers<BegunReseal>()
      const about = { actor, reference }
      const tell = (event: AuditEvent['event'], detail: AuditEvent['detail']) =>
        record({ db, log }, [{ event, ...about, detail }])
      running = db
        .session(async (session) => {
          const run = await take(session, actor)
          await tell('key.reseal_begun', { reseal: run.id, rows: run.rowsTotal, done: run.rowsDone })
          begun.resolve({ ...run, olderKeyInUse: await isOlderInUse(session) })
          try {
            await work(session, run)
            await tell('key.reseal_ended', { reseal: run.id, rows: run.rowsTotal })
          } catch (error) {
            const fault = error instanceof BrokerError ? error.code : 'server_error'
            log.error({ event: 'reseal.failed', reseal: run.id, err: error })
            await failReseal(db, run.id, fault).catch(() => {})
            await tell('key.reseal_ended', { reseal: run.id, failure: fault }).catch(() => {})
          } finally {
            await dropResealLock(session).catch(() => {})
          }
        })
        .catch((error: unknown) => begun.reject(error as Error))
        .finally(() => (running = undefined))
      return begun.promise
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}
