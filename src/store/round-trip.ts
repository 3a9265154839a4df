/** Instruments every round trip to a store: count, duration, errors, and a trace span. */
import { BrokerError } from '../errors.ts'
import { roundTrips, storeErrors, storeSeconds } from '../telemetry/metrics.ts'
import { traced } from '../telemetry/tracing.ts'

const seen = {
  database: {
    trips: roundTrips.labels('database'),
    seconds: storeSeconds.labels('database'),
    errors: storeErrors.labels('database'),
  },
  state: {
    trips: roundTrips.labels('state'),
    seconds: storeSeconds.labels('state'),
    errors: storeErrors.labels('state'),
  },
}

/** @param name name of the step, without values */
export async function roundTrip<T>(
  store: 'database' | 'state',
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const { trips, seconds, errors } = seen[store]
  trips.inc()
  const begun = performance.now()
  try {
    return await traced(name, work, { kind: 'client', 'db.system.name': store })
  } catch (error) {
    // Only unavailability counts as an error; a refused statement was answered.
    if (error instanceof BrokerError) errors.inc()
    throw error
  } finally {
    seconds.observe((performance.now() - begun) / 1000)
  }
}

/** Verb and table of a statement, such as `select subject`, `insert audit_event`. The text never contains values. */
export function statementName(text: string): string {
  const write = /\b(insert into|(?<!\b(?:for|key|do) )update|delete from)\s+(\w+)/i.exec(text)
  if (write !== null) return `${write[1]!.split(' ')[0]!.toLowerCase()} ${write[2]}`
  const read = /\bfrom\s+(\w+)/i.exec(text)
  if (read !== null) return `select ${read[1]}`
  return /^\s*(\w+)/.exec(text)?.[1]?.toLowerCase() ?? 'statement'
}
