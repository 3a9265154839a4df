/**
 * Telemetry of the process: the log (this file), metrics (`metrics.ts`), portals' own figures (`tally.ts`), traces
 * (`tracing.ts`). The root logger writes JSON lines; `event` is in dotted past tense.
 */
import { type Logger, type LevelWithSilent, pino } from 'pino'

export type Log = Logger

/** Fields that are always redacted. A safety net: they must not be logged in the first place. */
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

/** @param destination default: standard output */
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
    // An error is logged by kind and stack; its message may quote personal data.
    serializers: { err: describeError },
    // With the default key `err`, pino would copy the error's message into `msg`.
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

/** Redacts two levels deep and copies the line only if needed; pino's own redaction costs far more. */
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
