/** Operations that read the audit: events, the events of one citizen, the events of one reference. Each read is audited. */
import { z } from 'zod'
import { type AuditEvent, auditClasses, auditNames } from '../audit.ts'
import { momentOrDay } from '../http/times.ts'
import { record } from '../recording.ts'
import type { CitizenKeys } from '../citizen-id.ts'
import type { Log } from '../telemetry/log.ts'
import { type AuditFilter, type AuditRow, findSubjectsOf, searchAudit } from '../store/audit-rows.ts'
import type { Database } from '../store/db.ts'
import { citizenNumber, clientId } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'
import { limit, limitInBody, pageEnd, pageOf } from './paging.ts'

export const auditCursor = z.string().regex(/^\d{1,18}$/, 'must be the `next` of a page')
export const span = { from: momentOrDay.optional(), to: momentOrDay.optional() }
const reference = z.string().regex(/^[\w-]{1,64}$/, 'must be a reference: 1 to 64 letters, digits, _ or -')

const eventAnswer = z
  .strictObject({
    id: z.string(),
    at: z.string(),
    class: z.string(),
    event: z.string(),
    client: z.string().nullable(),
    subject: z.string().nullable(),
    actor: z.string(),
    reference: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditEvent' })
export type EventAnswer = z.output<typeof eventAnswer>

const subjectAnswer = z
  .strictObject({
    subject: z.uuid(),
    kind: z.string(),
    created_at: z.iso.datetime(),
    disabled_at: z.iso.datetime().nullable(),
    replaced_by: z.uuid().nullable(),
  })
  .meta({ id: 'KnownSubject' })
export type SubjectAnswer = z.output<typeof subjectAnswer>

const traceAnswer = z.strictObject({
  reference: z.string(),
  events: z.array(eventAnswer),
  /** Whether there are more events than this answer holds. */
  more: z.boolean(),
})
export type TraceAnswer = z.output<typeof traceAnswer>

const mostTraced = 500

export function auditOperations({
  db,
  log,
  citizenKeys,
}: {
  db: Database
  log: Log
  citizenKeys: CitizenKeys
}): Operation[] {
  /** Recorded before the answer is sent, so that no read goes unrecorded. */
  const note = (event: Omit<AuditEvent, 'event'>) => record({ db, log }, [{ event: 'audit.read', ...event }])

  return [
    operation({
      method: 'GET',
      path: '/v1/audit/events',
      about: 'Lists audit events that match the filters, oldest first. The read is audited.',
      roles: ['auditor'],
      query: z.strictObject({
        event: z.enum(auditNames).optional(),
        class: z.enum(auditClasses).optional(),
        client: clientId.optional(),
        operator: z.string().min(1).max(64).optional(),
        subject: z.uuid().optional(),
        reference: reference.optional(),
        ...span,
        after: auditCursor.optional(),
        limit,
      }),
      answer: z.strictObject({ events: z.array(eventAnswer), ...pageEnd }),
      async handle({ operator, query: { after, limit: longest, subject, ...by }, reference: own }) {
        const filter: AuditFilter = {
          event: by.event,
          classes: by.class && [by.class],
          clientId: by.client,
          actor: by.operator,
          subjectIds: subject === undefined ? undefined : [subject],
          reference: by.reference,
          from: by.from,
          to: by.to,
        }
        const listed = await searchAudit(db, filter, { after: after ?? '0', limit: longest + 1 })
        const { rows, end } = pageOf(listed, { limit: longest, after }, ({ id }) => id)
        const asked = Object.keys(by).filter((name) => by[name as keyof typeof by] !== undefined)
        const detail = { by: subject === undefined ? asked : ['subject', ...asked], found: rows.length }
        await note({ actor: operator.id, reference: own, detail, ...(subject && { subjectId: subject }) })
        return { events: rows.map(presentEvent), ...end }
      },
    }),

    operation({
      method: 'POST',
      path: '/v1/audit/search',
      about:
        'Lists the subjects (pseudonyms) of one identification number and their events. The search is audited.',
      roles: ['auditor'],
      body: z.strictObject({ citizen_id: citizenNumber, after: auditCursor.optional(), limit: limitInBody }),
      readsOnly: true,
      answer: z.strictObject({ subjects: z.array(subjectAnswer), events: z.array(eventAnswer), ...pageEnd }),
      async handle({ operator, body: { citizen_id: number, after, limit: longest }, reference: own }) {
        const subjects = await findSubjectsOf(db, number.type, citizenKeys.keys(number))
        const subjectIds = subjects.map(({ id }) => id)
        const listed =
          subjects.length === 0
            ? []
            : await searchAudit(db, { subjectIds }, { after: after ?? '0', limit: longest + 1 })
        const { rows, end } = pageOf(listed, { limit: longest, after }, ({ id }) => id)
        const about = {
          actor: operator.id,
          reference: own,
          detail: { by: ['citizen_id'], found: rows.length },
        }
        const events = subjectIds.map((subjectId) => ({ event: 'audit.read' as const, ...about, subjectId }))
        await record({ db, log }, events.length > 0 ? events : [{ event: 'audit.read', ...about }])
        return {
          subjects: subjects.map(({ id, kind, createdAt, disabledAt, replacedBy }) => ({
            subject: id,
            kind,
            created_at: createdAt,
            disabled_at: disabledAt,
            replaced_by: replacedBy,
          })),
          events: rows.map(presentEvent),
          ...end,
        }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/traces/:reference',
      about: 'Lists the audit events of one request, by the reference that its error or page showed.',
      roles: ['auditor', 'security_officer'],
      answer: traceAnswer,
      async handle({ operator, params, reference: own }) {
        const known = reference.safeParse(params.reference)
        const rows = known.success
          ? await searchAudit(db, { reference: known.data }, { after: '0', limit: mostTraced + 1 })
          : []
        const detail = { by: ['reference'], found: Math.min(rows.length, mostTraced) }
        await note({ actor: operator.id, reference: own, detail })
        return {
          reference: params.reference,
          events: rows.slice(0, mostTraced).map(presentEvent),
          more: rows.length > mostTraced,
        }
      },
    }),
  ]
}

const presentEvent = (row: AuditRow): EventAnswer => ({
  id: row.id,
  at: row.at,
  class: row.class,
  event: row.event,
  client: row.client_id,
  subject: row.subject_id,
  actor: row.actor,
  reference: row.reference,
  detail: JSON.parse(row.detail) as Record<string, unknown>,
})
