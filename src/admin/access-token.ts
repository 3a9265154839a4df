/** Whose access token it is: a person's who signed in to the console, and is an operator by the number of today. */
import type { Provider } from 'oidc-provider'
import type { CitizenKeys } from '../citizen-id.ts'
import { mergeRecords } from '../oidc/adapter.ts'
import { consoleId, consoleScope } from '../oidc/console.ts'
import { type BrokerGrant, fromRecord } from '../oidc/identity-record.ts'
import { beginUnitOfWork, runWithUnit } from '../oidc/unit-of-work.ts'
import type { Seal } from '../crypto/seal.ts'
import type { Db } from '../store/db.ts'
import { findOperatorOfSubject } from '../store/operators.ts'
import type { State } from '../store/state/state.ts'
import type { PersonOf } from './authentication.ts'

/** @param seal of the protocol state */
export function createPersonOf({
  db,
  state,
  seal,
  provider,
  citizenKeys,
}: {
  db: Db
  state: State
  seal: Seal
  provider: Provider
  citizenKeys: CitizenKeys
}): PersonOf {
  return async function personOf(value) {
    if (value === '') return undefined
    const found = await runWithUnit(beginUnitOfWork({ state, seal, merge: mergeRecords }), async () => {
      const token = await provider.AccessToken.find(value)
      if (token?.clientId !== consoleId || !token.scopes.has(consoleScope)) return undefined
      // Bound to a key (RFC 9449), which nobody shows here.
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
