/** Portals enter the registry here, from reviewed definitions: all of them or none. */
import { randomBytes } from 'node:crypto'
import { type AuditEvent, announce } from '../audit.ts'
import type { Log } from '../log.ts'
import { insertAuditEvents } from '../store/audit.ts'
import { findClients, putClient } from '../store/clients.ts'
import type { Database } from '../store/db.ts'
import { listSigningKeys } from '../store/keys.ts'
import { clientSchema, hashSecret } from './clients.ts'

export interface Registered {
  readonly id: string
  readonly outcome: 'created' | 'changed' | 'unchanged'
  /** Made here because the definition names none; shown this once and kept only as a hash. */
  readonly secret?: string
}

export class DefinitionError extends Error {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(faults.join('\n'))
    this.faults = faults
  }
}

/** @throws DefinitionError with every fault of every definition; then nothing was changed */
export async function registerClients(
  { db, log, actor }: { db: Database; log: Log; actor: string },
  definitions: readonly unknown[],
): Promise<Registered[]> {
  const parsed = definitions.map((definition) => clientSchema.safeParse(definition))
  const faults = parsed.flatMap(({ error }, index) => {
    const id = (definitions[index] as { client_id?: unknown } | null)?.client_id
    const name = typeof id === 'string' ? id : `definition ${index + 1}`
    return error === undefined
      ? []
      : error.issues.map((issue) => `${name}: ${issue.path.join('.') || 'definition'} ${issue.message}`)
  })
  if (faults.length > 0) throw new DefinitionError(faults)
  const clients = parsed.map(({ data }) => data!)
  const keys = new Set((await listSigningKeys(db)).map(({ alg }) => alg))
  for (const {
    client_id: id,
    id_token_signed_response_alg: alg,
    userinfo_signed_response_alg: other = alg,
  } of clients) {
    for (const missing of new Set([alg, other]).difference(keys)) {
      faults.push(`${id}: needs a signing key for ${missing} ("keys generate --alg ${missing}")`)
    }
  }
  if (faults.length > 0) throw new DefinitionError(faults)

  const events: AuditEvent[] = []
  const results = await db.transaction(async (tx) => {
    const present = new Map(
      (
        await findClients(
          tx,
          clients.map((client) => client.client_id),
        )
      ).map((row) => [row.id, row]),
    )
    const registered: Registered[] = []
    for (const { client_secret: given, ...metadata } of clients) {
      const id = metadata.client_id
      const needed = metadata.token_endpoint_auth_method.startsWith('client_secret')
      const kept = needed ? (present.get(id)?.secretHash ?? null) : null
      const made =
        needed && given === undefined && kept === null ? randomBytes(32).toString('base64url') : undefined
      const secret = given ?? made
      const outcome = await putClient(tx, {
        id,
        metadata,
        secretHash: secret === undefined ? kept : hashSecret(secret),
      })
      registered.push({ id, outcome, ...(made === undefined ? {} : { secret: made }) })
      if (outcome !== 'unchanged') {
        const exemption = metadata.policy.pkce_exemption
        events.push({
          event: 'client.applied',
          clientId: id,
          actor,
          detail: { outcome, ...(exemption === undefined ? {} : { pkce_exemption: exemption }) },
        })
      }
    }
    if (events.length > 0) await insertAuditEvents(tx, events)
    return registered
  })
  announce(log, events)
  return results
}
