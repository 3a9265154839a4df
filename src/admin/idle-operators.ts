/** Operators who are inactive for 45 days are disabled, including the last security officer. */
import type { Log } from '../telemetry/log.ts'
import { audited } from '../recording.ts'
import type { Database } from '../store/db.ts'
import { insertOperatorChange } from '../store/operator-changes.ts'
import { disableIdleOperators, hasOfficer } from '../store/operators.ts'

/** `authentication.ts` already refuses them; this marks the rows. `operator restore` re-enables a last officer. */
export async function endIdleOperators({ db, log }: { db: Database; log: Log }): Promise<void> {
  const isOrphaned = await audited({ db, log }, async (tx, note) => {
    const ended = await disableIdleOperators(tx)
    for (const id of ended) {
      await insertOperatorChange(tx, { operatorId: id, action: 'disabled', actor: 'system', reason: 'idle' })
      note({ event: 'operator.disabled', actor: 'system', detail: { operator: id, reason: 'idle' } })
    }
    return ended.length > 0 && !(await hasOfficer(tx))
  })
  if (isOrphaned) log.error({ event: 'operators.without_officer', remedy: 'operator restore' })
}
