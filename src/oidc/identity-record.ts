/** The stored form of an identity. It is stored, sealed, only in a session and its grants, and ends with them. */
import type { Grant, Session } from 'oidc-provider'
import { Identifier, type IdentifierType } from '../citizen-id.ts'
import type { Link } from '../mapping/links.ts'
import type { LinkOutcome } from '../mapping/vouching.ts'
import type { Identity } from '../upstream/upstream.ts'
import type { Gender, Level, PersonKind } from '../vocabulary.ts'

export interface IdentityRecord {
  kind: PersonKind
  type: IdentifierType
  number: string
  level?: Level
  name?: string
  birthDate?: string
  gender?: Gender
  organisation?: { type: IdentifierType; number: string; name?: string }
  authenticatedAt: number
}

/** Our own fields in the engine's Session and Grant; `provider.ts` declares them to the engine. */
export type BrokerSession = Session & {
  identity?: IdentityRecord
  /** When the citizen returned from VNeID, in seconds since the epoch; the authentication there may be older. */
  signedInAt?: number
  /** Set by the engine: the id that this request replaces. */
  oldId?: string
}
export type BrokerGrant = Grant & {
  identity?: IdentityRecord
  links?: readonly Link[]
  /** When `links` was read, seconds since the epoch. */
  linksAt?: number
  /** What became of the account that the newest sign-in's request named. `portal`: its owner, if not the requesting portal. */
  linkOutcome?: (LinkOutcome & { readonly id: string; readonly portal?: string }) | undefined
}

export function toRecord({ identifier, organisation, ...rest }: Identity): IdentityRecord {
  return {
    ...rest,
    type: identifier.type,
    number: identifier.reveal(),
    ...(organisation && {
      organisation: {
        type: organisation.identifier.type,
        number: organisation.identifier.reveal(),
        ...(organisation.name === undefined ? {} : { name: organisation.name }),
      },
    }),
  }
}

export function fromRecord({ type, number, organisation, ...rest }: IdentityRecord): Identity {
  return {
    ...rest,
    identifier: Identifier.parse(type, number),
    ...(organisation && {
      organisation: {
        identifier: Identifier.parse(organisation.type, organisation.number),
        ...(organisation.name === undefined ? {} : { name: organisation.name }),
      },
    }),
  }
}
