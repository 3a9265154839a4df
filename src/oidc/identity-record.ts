/** An identity as it lies, sealed, in a session and its grants: nowhere else, and only as long as they live. */
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

/** What we keep in the engine's models beside its own fields (`provider.ts` declares the fields to it). */
export type BrokerSession = Session & {
  identity?: IdentityRecord
  /** When the citizen came back from VNeID, seconds since the epoch; the authentication there may be older. */
  signedInAt?: number
  /** The engine's: the id that this request is about to replace. */
  oldId?: string
}
export type BrokerGrant = Grant & {
  identity?: IdentityRecord
  links?: readonly Link[]
  /** When `links` was read, seconds since the epoch. */
  linksAt?: number
  /** Of the account that the request for the newest sign-in named; `portal`: whose it is, where not the asking one's. */
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
