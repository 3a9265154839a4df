/** Converts a portal of the registry to the engine's client payload: its metadata and our own fields. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { AdapterPayload, Client } from 'oidc-provider'
import type { ClientRow } from '../store/clients.ts'
import { hashSecret } from './client-secret.ts'
import { type ClientMetadata, needsSecret } from './clients.ts'
import { type Former, type Rehome, formersOf, sectorOf, takenBy } from './rehoming.ts'

export interface Entry {
  readonly row: ClientRow
  readonly secrets: readonly { readonly hash: Buffer; readonly expiresAt: Date }[]
}

/** Our own fields of a client, beside its metadata (`extraClientMetadata` declares them to the engine). */
export const ownFields = ['policy', 'secrets', 'formers'] as const

interface Secret {
  /** SHA-256 of the secret in base64url. */
  readonly hash: string
  /** Milliseconds since the epoch. */
  readonly until: number
}

export function enginePayload({ row, secrets }: Entry, rehomes: readonly Rehome[]): AdapterPayload {
  const client = row.metadata as unknown as ClientMetadata
  const sector = sectorOf(rehomes, client)
  const hashes: Secret[] = secrets.map(({ hash, expiresAt }) => ({
    hash: hash.toString('base64url'),
    until: expiresAt.getTime(),
  }))
  return {
    ...row.metadata,
    response_types: client.grant_types?.includes('authorization_code') ? ['code'] : [],
    // The engine requires a client_secret for these methods. This random value is never used: `secrets` are checked.
    ...(needsSecret(client) && { client_secret: randomBytes(32).toString('base64url') }),
    secrets: hashes,
    formers: formersOf(rehomes, client),
    ...(takenBy(rehomes, row.id) !== undefined &&
      (sector === null
        ? { subject_type: 'public' }
        : { subject_type: 'pairwise', sector_identifier_uri: `https://${sector}/` })),
  }
}

/** Expiry is checked at the time of use, not when the registry was read. Hashes are compared in constant time. */
export function isSecretOf(client: Client, presented: string, now = Date.now()): boolean {
  const given = hashSecret(presented)
  const secrets = (client['secrets'] as readonly Secret[] | undefined) ?? []
  const fitting = secrets.filter(({ hash }) => timingSafeEqual(given, Buffer.from(hash, 'base64url')))
  return fitting.some(({ until }) => now < until)
}

/** The portals that were re-homed into it and used other `sub`s. */
export const formersIn = (client: Client): readonly Former[] =>
  (client['formers'] as readonly Former[] | undefined) ?? []
