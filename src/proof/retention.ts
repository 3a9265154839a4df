/** Deletes rows past their retention, by month and class. Each deletion is recorded as an event that is never deleted. */
import { type AuditClass, auditClasses, keptForEver } from '../audit.ts'
import { audited } from '../recording.ts'
import type { Log } from '../telemetry/log.ts'
import {
  type Partition,
  dropPartition,
  emptyPartition,
  listDuePartitions,
  makeAuditPartitions,
} from '../store/audit-partitions.ts'
import type { Database } from '../store/db.ts'

/** Number of future months for which partitions exist. */
const ahead = 2

export async function preparePartitions(db: Database): Promise<void> {
  await makeAuditPartitions(db, auditClasses, ahead)
}

/** @param days retention by class, in days @returns number of deleted rows */
export async function retireAudit(
  { db, log }: { db: Database; log: Log },
  days: Readonly<Partial<Record<AuditClass, number>>>,
): Promise<number> {
  let total = 0
  for (const name of auditClasses) {
    if (name === keptForEver || days[name] === undefined) continue
    for (const partition of await listDuePartitions(db, name, days[name])) {
      total += await retire({ db, log }, partition)
      // The partition is already empty, so dropping it can be retried in the next hour.
      await dropPartition(db, partition).catch((error: unknown) =>
        log.warn({ event: 'audit.partition_kept', ...partition, err: error }),
      )
    }
  }
  return total
}

/** In a session, because counting a month's rows may exceed the statement timeout. */
const retire = ({ db, log }: { db: Database; log: Log }, partition: Partition): Promise<number> =>
  db.session((session) =>
    audited({ db: session, log }, async (tx, note) => {
      const emptied = await emptyPartition(tx, partition)
      if (emptied === undefined) return 0
      const { rows, firstCheckpoint, lastCheckpoint } = emptied
      const detail = {
        ...partition,
        rows,
        first_checkpoint: firstCheckpoint,
        last_checkpoint: lastCheckpoint,
      }
      note({ event: 'audit.retired', actor: 'system', detail })
      return rows
    }),
  )
