/** Finds the operator of an access token that the console obtained: a person, found by their current number. */
import { consoleId, consoleScope } from '../operators/console.ts'
import { type BrokerGrant, fromRecord } from '../oidc/identity-record.ts'
import { type UnitOfWork, runWithUnit } from '../oidc/unit-of-work.ts'
import type { Parts } from '../parts.ts'
import { findOperatorOfSubject } from '../store/operators.ts'
import type { PersonOf } from './authentication.ts'

export function createPersonOf({
  db,
  provider,
  citizenKeys,
  beginUnit,
}: Pick<Parts, 'db' | 'provider' | 'citizenKeys'> & { beginUnit: () => UnitOfWork }): PersonOf {
  return async function personOf(value) {
    if (value === '') return undefined
    const found = await runWithUnit(beginUnit(), async () => {
      const token = await provider.AccessToken.find(value)
      if (token?.clientId !== consoleId || !token.scopes.has(consoleScope)) return undefined
      // A token bound to a key (RFC 9449) needs a proof of possession, which this API does not accept.
      if (token.jkt !== undefined) return undefined
      const grant: BrokerGrant | undefined =
        token.grantId === undefined ? undefined : await provider.Grant.find(token.grantId)
      if (grant?.identity === undefined || grant.accountId !== token.accountId) return undefined
      return { subjectId: token.accountId, identifier: fromRecord(grant.identity).identifier }
    })
    if (found === undefined) return undefined
    const { subjectId, identifier } = found
    const keys = citizenKeys.keys(identifier)
    return findOperatorOfSubject(db, subjectId, { type: identifier.type, keys })
  }
}
