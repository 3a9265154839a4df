/** Who may sign in to the operators' console: a person that an operator is bound to, and nobody else. */
import { BrokerError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import { findOperatorByNumber, renewCitizenKeys } from '../store/operators.ts'
import type { Identity } from '../upstream/upstream.ts'

export interface OperatorGate {
  /** Before anything is written, so that a stranger who tries leaves no subject behind. @throws BrokerError `operator_unknown` */
  admit(identity: Identity): Promise<{ readonly id: string }>
  /** An index key may have come since the number was bound; only now is the number at hand again. */
  renewKeys(operator: { readonly id: string }, identity: Identity): Promise<void>
}

export function createOperatorGate({ db, citizenKeys }: Pick<Parts, 'db' | 'citizenKeys'>): OperatorGate {
  const numberOf = ({ identifier }: Identity) => ({
    type: identifier.type,
    keys: citizenKeys.keys(identifier),
  })
  return {
    async admit(identity) {
      const operator = await findOperatorByNumber(db, numberOf(identity))
      if (operator === undefined || operator.disabledAt !== null || operator.idle)
        throw new BrokerError('operator_unknown')
      return operator
    },
    renewKeys: (operator, identity) => renewCitizenKeys(db, operator.id, numberOf(identity)),
  }
}
