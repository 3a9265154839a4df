/** What a caller of an API sends, read and checked; a fault names the field and what it should be, never what it was. */
import type { Context } from 'koa'
import type { z } from 'zod'
import { BrokerError } from '../errors.ts'

/** @param whole what it is called where no field is to blame: `the query`, `the body` */
export function parse<T>(whole: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const told = result.error.issues.map((issue) => tell(whole, issue))
  const faults = told.map(({ path = '', message }) => ({ path, message }))
  throw new BrokerError('input_invalid', told.map(({ detail }) => detail).join('; '), { faults })
}

function tell(whole: string, issue: z.core.$ZodIssue) {
  if (issue.code === 'unrecognized_keys') {
    const path = fieldOf([...issue.path, issue.keys[0] ?? ''])
    return { path, message: 'is not known', detail: `${path ?? 'a field'} is not known` }
  }
  const path = fieldOf(issue.path)
  return { path, message: issue.message, detail: `${path ?? whole}: ${issue.message}` }
}

/** A caller may have put anything where a field's name belongs: only what looks like one is repeated. */
const fieldOf = (path: readonly PropertyKey[]): string | undefined => {
  const name = path.join('.')
  return /^[a-z_][\w.-]{0,60}$/i.test(name) && !/\d{6}/.test(name) ? name : undefined
}

/** @param longest bytes */
export async function readJson(ctx: Context, longest: number): Promise<unknown> {
  if (!ctx.is('application/json'))
    throw new BrokerError('input_invalid', 'content-type: a body of application/json is expected')
  const chunks: Buffer[] = []
  let length = 0
  // Read to its end even when too long, keeping nothing: who is cut off while sending hears no answer.
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length <= longest) chunks.push(chunk)
  }
  if (length > longest) throw new BrokerError('request_too_large', `a body has at most ${longest} bytes`)
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
    // PostgreSQL takes no NUL; nobody means one.
    if (text.includes(String.raw`\u0000`)) throw new Error('NUL')
    return JSON.parse(text) as unknown
  } catch {
    throw new BrokerError('input_invalid', 'the body is not JSON')
  }
}
