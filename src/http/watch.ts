/** Metrics that need a database query. They are read on request, at most every 30 seconds. */
import {
  auditCheckpointLag,
  clockSkew,
  oldestCase,
  openCases,
  signingKeySince,
  unfinishedImports,
  watchRead,
} from '../telemetry/metrics.ts'
import { type Backlog, readBacklog } from '../store/backlog.ts'
import type { Db } from '../store/db.ts'
import { type CalendarRow, listCalendar } from '../store/keys.ts'

/** Milliseconds. */
const period = 30_000

/** Never fails: after a failed query the old figures stay, and `watch_read_timestamp_seconds` shows how old they are. */
export function createWatch({ db }: { db: Db }): () => Promise<void> {
  let looked = -Infinity
  return async function look() {
    if (performance.now() - looked < period) return
    looked = performance.now()
    await Promise.all([
      update('backlog', readBacklog, setBacklog),
      update('keys', listCalendar, setSigningKeys),
    ])
  }

  /** A query that fails does not stop the other one. */
  async function update<T>(what: string, read: (from: Db) => Promise<T>, set: SetMetrics<T>): Promise<void> {
    const asked = Date.now()
    const found = await read(db).catch(() => undefined)
    if (found === undefined) return
    const answered = Date.now()
    set(found, (asked + answered) / 2000)
    watchRead.set({ what }, answered / 1000)
  }
}

/** @param moment time on this node's clock halfway between query and answer, in seconds since the epoch */
type SetMetrics<T> = (found: T, moment: number) => void

function setBacklog(backlog: Backlog, moment: number): void {
  openCases.set(backlog.openCases)
  auditCheckpointLag.set(Math.max(0, backlog.uncovered))
  oldestCase.set(backlog.oldestCase)
  unfinishedImports.set({ state: 'running' }, backlog.importsRunning)
  unfinishedImports.set({ state: 'stuck' }, backlog.importsStuck)
  clockSkew.set(moment - backlog.clock)
}

function setSigningKeys(calendar: readonly CalendarRow[]): void {
  // Drop the old values: a key that has become `current` must not stay listed as `next`.
  signingKeySince.reset()
  for (const { alg, state, signsFrom } of calendar)
    if (state !== 'previous') signingKeySince.set({ alg, state }, signsFrom.getTime() / 1000)
}
