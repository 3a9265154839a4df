/**
 * Makes checkpoints over committed rows in batches, in the background. A login's insert takes no lock and never waits
 * for a checkpoint.
 */
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../telemetry/log.ts'
import { auditCheckpointLag } from '../telemetry/metrics.ts'
import { repeat } from '../store/repeat.ts'
import type { Seal } from '../crypto/seal.ts'
import { type AuditRow, readAuditRows } from '../store/audit-rows.ts'
import {
  type Fence,
  type CheckpointPart,
  findLastCheckpoint,
  insertCheckpoint,
  isPast,
  listAuditKeys,
  openFence,
  readCheckpointLag,
  tryToCheckpoint,
} from '../store/audit-checkpoints.ts'
import type { Database, Db } from '../store/db.ts'
import { packIds } from './ids.ts'
import { type AuditKey, ensureAuditKey, openAuditKey } from './keys.ts'
import { leafOf, partOf } from './leaf.ts'
import { rootOf } from './merkle.ts'
import {
  type CheckpointHeader,
  hashOfCheckpoint,
  nothingBefore,
  readHeader,
  signHeader,
} from './checkpoint-header.ts'

/** Most rows under one checkpoint, and rows that are hashed before the event loop continues. */
const batch = 10_000
const page = 500

/** Milliseconds between two runs. */
const pause = 10_000

export interface Checkpointer {
  /**
   * Covers the rows of all ended transactions. If an older transaction still runs, it waits up to `patience`
   * milliseconds, and leaves the rows to the next call if that is not enough.
   * @returns number of rows covered
   */
  checkpoint(patience?: number): Promise<number>
}

/** @param seal the seal with the purpose `signing key` */
export function createCheckpointer({ db, seal, log }: { db: Database; seal: Seal; log: Log }): Checkpointer {
  let fence: Fence | undefined
  let key: AuditKey | undefined

  async function currentKey(tx: Db): Promise<AuditKey> {
    const [newest] = await listAuditKeys(tx)
    if (newest === undefined) throw new Error('there is no audit key')
    if (newest.kid !== key?.kid) key = openAuditKey(newest, seal)
    return key
  }

  /** @returns number of rows under the new checkpoint, and whether all rows up to `position` are covered */
  const checkpointBatch = (position: string): Promise<{ rows: number; done: boolean }> =>
    db.transaction(async (tx) => {
      if (!(await tryToCheckpoint(tx))) return { rows: 0, done: true }
      const signing = await currentKey(tx)
      const last = await lastOf(tx)
      const { parts, rows, end } = await collect(tx, last.to, position)
      if (rows === 0) return { rows, done: true }
      const header: CheckpointHeader = {
        v: 1,
        checkpoint: last.number + 1,
        previous: last.hash,
        from: last.to,
        to: end,
        at: new Date().toISOString(),
        key: signing.kid,
        parts: parts.map(({ class: of, month, leaves }) => ({
          class: of,
          month,
          rows: leaves.length / 32,
          root: rootOf(leaves).toString('hex'),
        })),
      }
      const { text, signature } = signHeader(header, signing.private)
      await insertCheckpoint(tx, {
        number: header.checkpoint,
        header: text,
        signature,
        to: end,
        at: header.at,
        parts,
      })
      return { rows, done: end === position }
    })

  return {
    async checkpoint(patience = 0) {
      const until = performance.now() + patience
      if (key === undefined) await ensureAuditKey({ db, seal, log })
      const mine = (fence ??= await openFence(db))
      while (!(await isPast(db, mine))) {
        if (performance.now() >= until) {
          await setLagMetric(db)
          return 0
        }
        await sleep(50)
      }
      if (fence === mine) fence = undefined
      let total = 0
      for (let done = false; !done;) {
        const outcome = await checkpointBatch(mine.position)
        total += outcome.rows
        done = outcome.done
      }
      await setLagMetric(db)
      return total
    },
  }
}

/** Makes checkpoints every `pause` ms, and a last one on close. */
export async function openCheckpointer(tools: {
  db: Database
  seal: Seal
  log: Log
}): Promise<Checkpointer & { close(): Promise<void> }> {
  const checkpointer = createCheckpointer(tools)
  await ensureAuditKey(tools)
  const work = async () => {
    try {
      await checkpointer.checkpoint(1_000)
    } catch (error) {
      tools.log.warn({ event: 'audit.checkpoint_failed', err: error })
    }
  }
  const endTurns = repeat(pause, work)
  return {
    ...checkpointer,
    async close() {
      await endTurns()
      await work()
    },
  }
}

async function lastOf(tx: Db): Promise<{ number: number; hash: string; to: string }> {
  const last = await findLastCheckpoint(tx)
  if (last === undefined) return { number: 0, hash: nothingBefore, to: '0' }
  const header = readHeader(last.header)
  if (header === undefined) throw new Error(`checkpoint ${last.number} cannot be parsed`)
  return { number: Number(last.number), hash: hashOfCheckpoint(last.header), to: header.to }
}

/** @param after the last covered id @returns `end`: all rows up to this id are included */
async function collect(
  tx: Db,
  after: string,
  position: string,
): Promise<{ parts: (CheckpointPart & { leaves: Buffer; ids: Buffer })[]; rows: number; end: string }> {
  const found = new Map<string, { ids: bigint[]; leaves: Buffer[] }>()
  let [rows, last, full] = [0, BigInt(after), true]
  while (full && rows < batch) {
    const read: AuditRow[] = await readAuditRows(tx, { from: String(last + 1n), to: position, limit: page })
    full = read.length >= page
    for (const row of read) {
      const name = partOf(row)
      let part = found.get(name)
      if (part === undefined) found.set(name, (part = { ids: [], leaves: [] }))
      part.ids.push((last = BigInt(row.id)))
      part.leaves.push(leafOf(row))
    }
    rows += read.length
    // Lets the event loop serve logins between two pages.
    await breathe()
  }
  const parts = [...found].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return {
    parts: parts.map(([name, { ids, leaves }]) => {
      const [of = '', month = ''] = name.split(' ')
      return { class: of, month, ids: packIds(ids), leaves: Buffer.concat(leaves) }
    }),
    rows,
    end: full ? String(last) : position,
  }
}

async function setLagMetric(db: Db): Promise<void> {
  const { to } = await lastOf(db)
  auditCheckpointLag.set(await readCheckpointLag(db, to))
}
