import { BrokerError } from '../errors.ts'
import type { Db } from '../store/db.ts'
import { judgeTwoPersons } from '../store/operators.ts'

/**
 * Belongs into the transaction of what is approved.
 * @param roles one of which is needed to propose it
 * @throws BrokerError `second_person_needed`: a machine approves nothing, nor does who asked, or made what asked;
 *   `state_conflict`: who asked may not any more
 */
export async function assertTwoPersons(
  tx: Db,
  { proposedBy, barred }: { readonly proposedBy: string; readonly barred: readonly string[] },
  { by: approvedBy, roles }: { readonly by: string; readonly roles: readonly string[] },
): Promise<void> {
  const { areTwo, stands } = await judgeTwoPersons(tx, { proposedBy, barred, approvedBy, roles })
  if (!areTwo) throw new BrokerError('second_person_needed')
  if (!stands) throw new BrokerError('state_conflict', 'who proposed it may not any more')
}
