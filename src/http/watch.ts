/** What is looked at only because somebody reads the metrics: at most every half minute, whoever reads them. */
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

/** Never fails: an old figure is better than none, and `watch_read_timestamp_seconds` tells how old it is. */
export function createWatch({ db }: { db: Db }): () => Promise<void> {
  let looked = -Infinity
  return async function look() {
    if (performance.now() - looked < period) return
    looked = performance.now()
    await Promise.all([tell('backlog', readBacklog, tellBacklog), tell('keys', listCalendar, tellKeys)])
  }

  /** What one question cannot tell the other still does. */
  async function tell<T>(what: string, read: (from: Db) => Promise<T>, show: Show<T>): Promise<void> {
    const asked = Date.now()
    const found = await read(db).catch(() => undefined)
    if (found === undefined) return
    const answered = Date.now()
    show(found, (asked + answered) / 2000)
    watchRead.set({ what }, answered / 1000)
  }
}

/** @param moment of our clock, in seconds, between question and answer */
type Show<T> = (found: T, moment: number) => void

function tellBacklog(backlog: Backlog, moment: number): void {
  openCases.set(backlog.openCases)
  auditCheckpointLag.set(Math.max(0, backlog.uncovered))
  oldestCase.set(backlog.oldestCase)
  unfinishedImports.set({ state: 'running' }, backlog.importsRunning)
  unfinishedImports.set({ state: 'stuck' }, backlog.importsStuck)
  clockSkew.set(moment - backlog.clock)
}

function tellKeys(calendar: readonly CalendarRow[]): void {
  // A key that has begun to sign is next no more.
  signingKeySince.reset()
  for (const { alg, state, signsFrom } of calendar)
    if (state !== 'previous') signingKeySince.set({ alg, state }, signsFrom.getTime() / 1000)
}
