/** Prints audit events for an operator. */
import { type AuditName, auditTable } from '../audit.ts'
import type { EventAnswer, TraceAnswer } from '../admin/audit-operations.ts'

type Shown = Omit<EventAnswer, 'subject'> & { readonly subject?: string | null | undefined }

const tellDetail = (detail: Shown['detail']): string =>
  Object.entries(detail)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : String(value)}`)
    .join(' ')

export function tellEventLine({ id, at, event, client, subject, actor, reference, detail }: Shown): string {
  const about = [
    client && `client=${client}`,
    subject && `subject=${subject}`,
    reference && `reference=${reference}`,
  ]
  return [`${at}  ${id.padStart(8)}  ${event}  by ${actor}`, ...about, tellDetail(detail)]
    .filter(Boolean)
    .join('  ')
}

/** The events of one reference, in their order. */
export function tellTrace({ reference, events, more }: TraceAnswer): string[] {
  const [first] = events
  if (first === undefined)
    return [
      `no audit event has the reference ${reference}: it may be mistyped, past its retention, or of a request that changed nothing`,
      `the log has every request: search it for "reference":"${reference}"`,
    ]
  return [
    `${reference}, ${first.at.slice(0, 19).replace('T', ' ')} UTC`,
    ...events.map(({ at, event, client, subject, actor, detail }) => {
      const after = ((Date.parse(at) - Date.parse(first.at)) / 1000).toFixed(3)
      const means = auditTable[event as AuditName]?.says ?? event
      const who = [client && `at ${client}`, `by ${actor}`, subject && `subject ${subject}`]
        .filter(Boolean)
        .join(', ')
      const told = tellDetail(detail)
      return `+${after}s  ${means} (${who})${told && `\n          ${told}`}`
    }),
    ...(more ? ['there are more events: "audit events --reference" shows all'] : []),
    `if traces are collected, search them for broker.reference="${reference}"`,
  ]
}
