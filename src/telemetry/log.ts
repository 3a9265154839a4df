/**
 * What operators see of the process: the log (this file), metrics (`metrics.ts`), what portals read of their own
 * (`tally.ts`), traces (`tracing.ts`). The root logger writes JSON lines, `event` in dotted past tense.
 */
import { type Logger, type LevelWithSilent, pino } from 'pino'

export type Log = Logger

/** Fields that are cut wherever they turn up: a safety net, not a licence to log them. */
const redacted = new Set([
  'token',
  'access_token',
  'id_token',
  'refresh_token',
  'code',
  'code_verifier',
  'state',
  'nonce',
  'secret',
  'client_secret',
  'cookie',
  'authorization',
  'password',
  'name',
  'birthDate',
  'identifier',
  'number',
  'accountId',
  'url',
  'query',
  'body',
  'login_hint',
  'id_token_hint',
])

/** @param destination a file descriptor's stream; standard output when absent */
export function createLog({
  level,
  destination,
}: {
  level: LevelWithSilent
  destination?: { write(line: string): void }
}): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (line: Record<string, unknown>) => cut(line),
    },
    // A fault is told by its kind and place; its message may quote what it met.
    serializers: { err: describeError },
    // Otherwise pino would copy the message of an `err` into `msg`.
    errorKey: 'thrown',
  }
  return destination ? pino(options, destination) : pino(options, pino.destination({ dest: 1, sync: true }))
}

function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { kind: typeof error }
  const { code } = error as { code?: unknown }
  return {
    kind: error.name,
    ...(typeof code === 'string' ? { errno: code } : {}),
    at: error.stack
      ?.split('\n')
      .filter((line) => line.startsWith('    at '))
      .slice(0, 6)
      .map((line) => line.trim()),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  }
}

/** The line without secrets, two levels deep; copied only if there is one; pino's own redaction costs far more. */
function cut(line: Record<string, unknown>, depth = 0): Record<string, unknown> {
  let out = line
  for (const [field, value] of Object.entries(line)) {
    const plain = depth === 0 && value !== null && typeof value === 'object' && !(value instanceof Error)
    const inner = redacted.has(field)
      ? '[redacted]'
      : plain && !Array.isArray(value)
        ? cut(value as Record<string, unknown>, 1)
        : value
    if (inner === value) continue
    if (out === line) out = { ...line }
    out[field] = inner
  }
  return out
}
