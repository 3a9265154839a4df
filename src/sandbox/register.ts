/** Registers portals that our own code defines (sandbox, benchmarks), active at once. */
import { audited } from '../recording.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { lockClients } from '../store/client-changes.ts'
import type { Database } from '../store/db.ts'
import { hashSecret, makeSecret } from '../registry/client-secret.ts'
import { clientSchema, needsSecret } from '../registry/clients.ts'
import { faultsOf, formatFault } from '../registry/definition.ts'
import { applyOne, refuse } from '../registry/apply.ts'
import { makePlan, readStanding } from '../registry/plan.ts'

export interface Registered {
  readonly id: string
  readonly outcome: 'created' | 'changed' | 'unchanged'
  /** A new secret, if the definition has none and needs one. It is returned only now and stored only as a hash. */
  readonly secret?: string
}

/** Registers all of them or none. @throws BrokerError `definition_invalid` with every fault of every definition */
export async function registerClients(
  { actor, ...tools }: { db: Database; log: Log; actor: string },
  definitions: readonly unknown[],
): Promise<Registered[]> {
  const clients = definitions.map(checked)
  const ids = clients.map(({ client_id: id }) => id)
  const wanted = clients.map((client) => {
    const { client_secret: _, ...definition } = client
    return { ...definition, state: 'active' }
  })
  return audited(tools, async (tx, note) => {
    const rows = await lockClients(tx, ids)
    // Every portal that needs a secret gets one below, so the plan treats all as having one.
    const standing = await readStanding(tx, ids)
    const plan = makePlan(wanted, rows, { ...standing, withSecret: new Set(ids) })
    refuse(plan, wanted)
    const registered: Registered[] = []
    for (const [index, planned] of plan.clients.entries()) {
      const given = clients[index]!.client_secret
      const lacksOne = needsSecret(planned.metadata) && !standing.withSecret.has(planned.id)
      const made = lacksOne && given === undefined ? makeSecret().secret : undefined
      const secret = given ?? made
      const hash = secret === undefined ? undefined : hashSecret(secret)
      const applied = await applyOne(tx, note, planned, hash, { actor })
      registered.push({
        id: planned.id,
        outcome: applied.outcome as Registered['outcome'],
        ...(made !== undefined && { secret: made }),
      })
    }
    return registered
  })
}

function checked(definition: unknown) {
  const { data, error } = clientSchema.safeParse(definition)
  if (data !== undefined) return data
  const faults = error.issues.flatMap((issue) => faultsOf(clientSchema, definition, issue))
  throw new BrokerError('definition_invalid', faults.map(formatFault).join('\n'))
}
