/** Who may sign in to the operators' console: a person that an operator is bound to, and nobody else. */
import type { AuditEvent } from '../audit.ts'
import type { CitizenKeys } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import { consoleId } from '../oidc/console.ts'
import { unmet } from '../oidc/policy.ts'
import type { Db } from '../store/db.ts'
import { findOperatorByNumber, renewCitizenKeys } from '../store/operators.ts'
import type { SignIn } from './sign-in.ts'

/** Before the sign-in itself, so that a stranger who tries leaves no subject behind. */
export function withOperatorGate({
  db,
  citizenKeys,
  signIn,
}: {
  db: Db
  citizenKeys: CitizenKeys
  signIn: SignIn
}): SignIn {
  return async function signInOperator(identity, occasion) {
    const { requirement, reference } = occasion
    if (requirement.clientId !== consoleId) return signIn(identity, occasion)
    const refusal = unmet(identity, requirement)
    if (refusal !== undefined) throw new BrokerError(refusal)
    const { identifier } = identity
    const number = { type: identifier.type, keys: citizenKeys.keys(identifier) }
    const operator = await findOperatorByNumber(db, number)
    if (operator === undefined || operator.disabledAt !== null || operator.idle)
      throw new BrokerError('operator_unknown')
    const also = (subjectId: string): AuditEvent[] => [
      { event: 'operator.signed_in', actor: operator.id, subjectId, reference },
    ]
    const signedIn = await signIn(identity, { ...occasion, also })
    // An index key may have come since the number was bound; only now is the number at hand again.
    await renewCitizenKeys(db, operator.id, number)
    return signedIn
  }
}
