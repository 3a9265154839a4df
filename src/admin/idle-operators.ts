/** An operator that nobody has seen for 45 days is out, the last security officer too. */
import type { Log } from '../telemetry/log.ts'
import { audited } from '../recording.ts'
import type { Database } from '../store/db.ts'
import { insertOperatorChange } from '../store/operator-changes.ts'
import { disableIdleOperators, hasOfficer } from '../store/operators.ts'

/** Writes down what `authentication.ts` has judged by then. `operator restore` lets a last officer in again. */
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
