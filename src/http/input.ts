/** Reads and checks the input of an API call. An error names the field and what it must be, never the value that was sent. */
import type { Context } from 'koa'
import type { z } from 'zod'
import { BrokerError } from '../errors.ts'
import { inOurWords } from '../config/issue-sentence.ts'

/**
 * @param whole name of the input, for faults that concern no single field: `the query`, `the body`
 * @throws BrokerError `input_invalid`
 */
export function parse<T>(whole: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value, inOurWords)
  if (result.success) return result.data
  const described = result.error.issues.map((issue) => describeIssue(whole, issue))
  const faults = described.map(({ path = '', message }) => ({ path, message }))
  throw new BrokerError('input_invalid', described.map(({ detail }) => detail).join('; '), { faults })
}

function describeIssue(whole: string, issue: z.core.$ZodIssue) {
  if (issue.code === 'unrecognized_keys') {
    const path = fieldOf([...issue.path, issue.keys[0] ?? ''])
    return { path, message: 'is not known', detail: `${path ?? 'a field'} is not known` }
  }
  const path = fieldOf(issue.path)
  return { path, message: issue.message, detail: `${path ?? whole}: ${issue.message}` }
}

/** A caller can send anything as a field's name, so we repeat it only if it looks like one. */
const fieldOf = (path: readonly PropertyKey[]): string | undefined => {
  const name = path.join('.')
  return /^[a-z_][\w.-]{0,60}$/i.test(name) && !/\d{6}/.test(name) ? name : undefined
}

/**
 * @param maxBytes largest body
 * @throws BrokerError `input_invalid`, `request_too_large`
 */
export async function readJson(ctx: Context, maxBytes: number): Promise<unknown> {
  if (!ctx.is('application/json'))
    throw new BrokerError('input_invalid', 'content-type: must be application/json')
  const chunks: Buffer[] = []
  let length = 0
  // Read the body to its end even if it is too long, without keeping it: a client that is cut off while it sends may
  // never read the answer.
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length <= maxBytes) chunks.push(chunk)
  }
  if (length > maxBytes)
    throw new BrokerError('request_too_large', `the body must have at most ${maxBytes} bytes`)
  const value = parseJson(Buffer.concat(chunks))
  checkStrings(value)
  return value
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
  } catch {
    throw new BrokerError('input_invalid', 'the body must be JSON in UTF-8')
  }
}

/** Levels of lists and objects. No body of ours needs ten; code that walks a value by recursion can rely on it. */
export const maxDepth = 32

/** Refuses text that PostgreSQL cannot store: NUL characters, and halves of surrogate pairs. */
function checkStrings(whole: unknown): void {
  const waiting: { value: unknown; path: readonly string[] }[] = [{ value: whole, path: [] }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, path } = next
    if (typeof value === 'string') requireStorable(value, path)
    if (typeof value !== 'object' || value === null) continue
    if (path.length >= maxDepth)
      throw new BrokerError('input_invalid', `the body must not be nested more than ${maxDepth} levels deep`)
    for (const [name, inner] of Object.entries(value)) {
      requireStorable(name, path)
      waiting.push({ value: inner, path: [...path, name] })
    }
  }
}

function requireStorable(text: string, path: readonly string[]): void {
  const message = text.includes('\0')
    ? String.raw`must not contain the NUL character (\u0000)`
    : text.isWellFormed()
      ? undefined
      : String.raw`must not contain half of a surrogate pair (\ud800 to \udfff)`
  if (message === undefined) return
  const field = fieldOf(path)
  throw new BrokerError('input_invalid', `${field ?? 'the body'}: ${message}`, {
    faults: [{ path: field ?? '', message }],
  })
}
