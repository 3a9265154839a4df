/** The root logger: JSON lines, `event` in dotted past tense. */
import { type Logger, type LevelWithSilent, pino } from 'pino'

export type Log = Logger

/** Fields that are cut wherever they turn up: a safety net, not a licence to log them. */
const redacted = [
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
]

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
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: redacted.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
    // A fault is told by its kind and place; its message may quote what it met.
    serializers: { err: describeError },
    // Otherwise pino would copy the message of an `err` into `msg`.
    errorKey: 'thrown',
  }
  return destination ? pino(options, destination) : pino(options)
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
