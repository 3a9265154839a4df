/** Makes the registry equal to reviewed files: shows the plan, then carries it out. */
import { z } from 'zod'
import type { Log } from '../telemetry/log.ts'
import { type Fault, shown } from '../registry/definition.ts'
import { applyRegistration } from '../registry/apply.ts'
import { type Missing, type PlanFault, type Planned, planRegistration } from '../registry/plan.ts'
import type { Database } from '../store/db.ts'
import { readers } from './client-operations.ts'
import { definition, difference, state } from './client-output.ts'
import { clientId, words } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'

/** Largest body in bytes: room for hundreds of portals. */
const longest = 4 * 1024 * 1024
const definitions = z.array(definition).min(1).max(2_000)
const version = z.int().nonnegative()
export const secretHash = z
  .string()
  .regex(/^[\w-]{43}$/, 'must be a SHA-256 in base64url (43 characters)')
  .transform((text) => Buffer.from(text, 'base64url'))

const note = z.object({
  path: z.array(z.union([z.string(), z.int()])),
  message: z.string(),
  remedy: z.string(),
})
const planned = z.object({
  client_id: z.string(),
  /** 0 for a new portal. */
  version,
  from: state.nullable(),
  state,
  changes: z.array(difference),
  makes_secret: z.boolean(),
  /** Warnings, and things that the plan does not change. */
  notes: z.array(note),
})
const fault = note.extend({
  /** Position of the definition in `clients`, from 0. */
  index: z.int(),
})
const missing = z.object({ client_id: z.string(), client_name: z.string(), state, version })
export const planAnswer = z.object({
  clients: z.array(planned),
  faults: z.array(fault),
  missing: z.array(missing),
})
export const applyAnswer = z.object({
  clients: z.array(
    z.object({
      client_id: z.string(),
      outcome: z.enum(['created', 'changed', 'unchanged', 'retired']),
      state,
      version,
    }),
  ),
})

export function registryOperations({ db, log }: { db: Database; log: Log }): Operation[] {
  return [
    operation({
      method: 'POST',
      path: '/v1/clients/plan',
      about: 'Returns the plan that makes the registry equal to these definitions. Changes nothing.',
      roles: readers,
      readsOnly: true,
      longest,
      body: z.strictObject({ clients: definitions }),
      answer: planAnswer,
      async handle({ body }) {
        const plan = await planRegistration(db, body.clients)
        return {
          clients: plan.clients.map(presentPlanned),
          faults: plan.faults.map(presentPlanFault),
          missing: plan.missing.map(presentMissing),
        }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/clients/apply',
      about:
        'Carries out a plan, all of it or nothing, if no portal has changed since the plan. Only drafts and suspended portals can be retired, with a reason.',
      roles: ['registrar'],
      longest,
      body: z.strictObject({
        clients: definitions,
        versions: z.record(clientId, version),
        secrets: z.record(clientId, secretHash).default({}),
        retire: z.record(clientId, version).default({}),
        reason: words.optional().meta({ description: 'Required if portals are retired.' }),
      }),
      answer: applyAnswer,
      refuses: ['definition_invalid', 'client_incomplete', 'precondition_failed', 'state_conflict'],
      async handle({ operator, body, reference }) {
        const { clients, versions, secrets, retire, reason } = body
        const by = { actor: operator.id, reason, reference }
        const what = {
          definitions: clients,
          versions: mapOf(versions),
          secrets: mapOf(secrets),
          retire: mapOf(retire),
        }
        const applied = await applyRegistration({ db, log }, what, by)
        return { clients: applied.map(({ id, ...rest }) => ({ client_id: id, ...rest })) }
      },
    }),
  ]
}

/** A map, because an id may equal the name of an inherited property. */
const mapOf = <T>(record: Readonly<Record<string, T>>): Map<string, T> => new Map(Object.entries(record))

const presentPlanned = (one: Planned) => ({
  client_id: one.id,
  version: one.row?.version ?? 0,
  from: one.row?.state ?? null,
  state: one.state,
  changes: [...one.differences],
  makes_secret: one.makesSecret,
  notes: one.notes.map(presentNote),
})
const presentNote = ({ path, message, remedy }: Fault) => ({ path: path.map(shown), message, remedy })
const presentPlanFault = ({ index, ...what }: PlanFault) => ({ index, ...presentNote(what) })
const presentMissing = ({ id, name, state: now, version: its }: Missing) => ({
  client_id: id,
  client_name: name,
  state: now,
  version: its,
})
