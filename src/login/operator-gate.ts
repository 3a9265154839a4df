/** Admits to the operators' console only persons whose number is bound to an enabled operator. */
import { BrokerError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import { findOperatorByNumber, renewCitizenKeys } from '../store/operators.ts'
import type { Identity } from '../upstream/upstream.ts'

export interface OperatorGate {
  /** Called before anything is written, so that a refused person gets no subject. @throws BrokerError `operator_unknown` */
  admit(identity: Identity): Promise<{ readonly id: string }>
  /** Hashes the number under index keys that were added after the operator was bound; the number is known only at a sign-in. */
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
