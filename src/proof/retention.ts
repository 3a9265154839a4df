/** Deletes what is past its time, by whole months of a class; each deletion is an event that stays for ever. */
import { type AuditClass, auditClasses, keptForEver } from '../audit-classes.ts'
import { type AuditEvent, announce } from '../audit.ts'
import type { Log } from '../telemetry/log.ts'
import {
  type Partition,
  dropPartition,
  emptyPartition,
  listDuePartitions,
  makeAuditPartitions,
} from '../store/audit-partitions.ts'
import { insertAuditEvents } from '../store/audit.ts'
import type { Database, Db } from '../store/db.ts'

/** Months after this one that have their partitions already. */
const ahead = 2

export async function preparePartitions(db: Database): Promise<void> {
  await makeAuditPartitions(
    db,
    auditClasses.filter((name) => name !== 'other'),
    ahead,
  )
}

/** @param days by class; @returns how many rows went */
export async function retireAudit(
  { db, log }: { db: Database; log: Log },
  days: Readonly<Partial<Record<AuditClass, number>>>,
): Promise<number> {
  let total = 0
  for (const name of auditClasses) {
    if (name === keptForEver || days[name] === undefined) continue
    for (const partition of await listDuePartitions(db, name, days[name])) {
      total += await retire({ db, log }, partition)
      // Empty as it is, it may stand another hour.
      await dropPartition(db, partition).catch((error: unknown) =>
        log.warn({ event: 'audit.partition_kept', ...partition, err: error }),
      )
    }
  }
  return total
}

async function retire({ db, log }: { db: Database; log: Log }, partition: Partition): Promise<number> {
  const noted: AuditEvent[] = []
  const work = async (tx: Db) => {
    const emptied = await emptyPartition(tx, partition)
    if (emptied === undefined) return 0
    const { rows: count, firstSeal, lastSeal } = emptied
    const detail = { ...partition, rows: count, first_seal: firstSeal, last_seal: lastSeal }
    noted.push({ event: 'audit.retired', actor: 'system', detail })
    await insertAuditEvents(tx, noted)
    return count
  }
  // A month may have more rows than are counted within the time of a statement.
  const rows = await db.session((session) => session.transaction(work))
  announce(log, noted)
  return rows
}
