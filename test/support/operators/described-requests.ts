/** Requests that the OpenAPI document describes, and the same with one thing wrong. */
import fc from 'fast-check'
import { type Schema, type Source, fieldOf, hostileText, hostileValue, valuesOf } from './from-schema.ts'

interface Parameter {
  readonly in: 'path' | 'query' | 'header'
  readonly name: string
  readonly required?: boolean
  readonly schema: Schema
}
export interface DescribedOperation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> }
}
export interface Request {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: string | undefined
}
interface Parts {
  readonly path: Readonly<Record<string, string>>
  readonly query: readonly (readonly [string, string])[]
  readonly header: Readonly<Record<string, string | readonly string[]>>
  /** Undefined: none. */
  readonly body: unknown
}

export interface Operations {
  readonly fits: fc.Arbitrary<Request>
  readonly misfits: fc.Arbitrary<Request>
}

/** @param template the path as in the document: `/v1/clients/{id}` */
export function requestsOf(
  { method, template, described }: { method: string; template: string; described: DescribedOperation },
  source: Source,
): Operations {
  const valuesIn = (place: Parameter['in']) => {
    const own = (described.parameters ?? []).filter((one) => one.in === place)
    const fields = own.map(({ name, schema }) => [name, fieldOf(name, schema, source).map(String)] as const)
    const requiredKeys = own.filter(({ required }) => required === true).map(({ name }) => name)
    return fc.record(Object.fromEntries(fields), { requiredKeys }) as fc.Arbitrary<Record<string, string>>
  }
  const content = described.requestBody?.content ?? {}
  const sent = content['application/json']?.schema
  const upload = fc.constantFrom(
    '',
    'account_id\nan.lt\n',
    'account_id,name\n"',
    '{"account_id":"a"}\n',
    '\0',
    'PK',
  )
  const body =
    sent !== undefined ? valuesOf(sent, source) : '*/*' in content ? upload : fc.constant(undefined)
  const type = sent !== undefined ? 'application/json' : '*/*' in content ? 'text/csv' : undefined
  const parts: fc.Arbitrary<Parts> = fc.record({
    path: valuesIn('path'),
    query: valuesIn('query').map(Object.entries<string>),
    header: valuesIn('header').map((header) => ({
      ...header,
      ...(type !== undefined && { 'Content-Type': type }),
    })),
    body,
  })

  const built = ({ path, query, header, body: value }: Parts, raw?: string): Request => ({
    method,
    path: `${template.replaceAll(/\{(\w+)\}/g, (_all, name: string) => inPath(path[name]!))}${search(query)}`,
    headers: header,
    body: raw ?? (typeof value === 'string' || value === undefined ? value : JSON.stringify(value)),
  })
  return {
    fits: parts.map((one) => built(one)),
    misfits: fc
      .tuple(parts, fc.constantFrom(...wrongs), hostileText, hostileValue, fc.nat())
      .map(([one, wrong, text, value, at]) => wrong(one, { text, value, at }))
      .map(({ raw, ...one }) => built(one, raw)),
  }
}

/** A dot alone would be resolved by the caller's URL parser. */
const inPath = (value: string): string => encodeURIComponent(value).replace(/^\.+$/, '%252e') || '%20'
const search = (query: Parts['query']): string => {
  const text = query.map((pair) => pair.map(encodeURIComponent).join('=')).join('&')
  return text === '' ? '' : `?${text}`
}

type Wrong = (
  parts: Parts,
  given: { text: string; value: unknown; at: number },
) => Parts & { readonly raw?: string }
const picked = (names: readonly string[], at: number): string | undefined =>
  names[at % Math.max(names.length, 1)]
const printable = (text: string) => text.replaceAll(/[^\u0020-\u007e]/g, '?')
const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`

const wrongs: readonly Wrong[] = [
  (parts, { text, at }) => {
    const name = picked(Object.keys(parts.path), at)
    return name === undefined ? parts : { ...parts, path: { ...parts.path, [name]: text } }
  },
  (parts, { text, at }) => {
    const query = parts.query.length === 0 ? [['limit', text] as const] : [...parts.query]
    query[at % query.length] = [query[at % query.length]![0], text]
    return { ...parts, query }
  },
  (parts, { text }) => ({ ...parts, query: [...parts.query, ['colour', text]] }),
  (parts) => ({ ...parts, query: [...parts.query, ...parts.query, ['limit', '1'], ['limit', '1']] }),
  (parts, { text, at }) => {
    const name = picked(['Idempotency-Key', 'If-Match', 'Content-Type', 'If-None-Match'], at)!
    return { ...parts, header: { ...parts.header, [name]: printable(text).trim() } }
  },
  (parts) => ({
    ...parts,
    header: { ...parts.header, 'Idempotency-Key': ['0123456789abcdef', '0123456789abcdef'] },
  }),
  (parts, { value }) => ({ ...parts, raw: JSON.stringify(value) }),
  (parts, { text }) => ({ ...parts, raw: text }),
  (parts, { at }) => ({ ...parts, raw: deep(1 + (at % 20_000)) }),
  (parts, { value }) => ({ ...parts, body: { ...Object(parts.body), colour: value } }),
  (parts, { at }) => {
    const { [picked(Object.keys(Object(parts.body) as object), at) ?? '']: _, ...rest } = Object(parts.body)
    return { ...parts, body: parts.body === undefined ? undefined : rest }
  },
  ...Array.from({ length: 4 }, (): Wrong => (parts, { value, at }) => ({
    ...parts,
    body: parts.body === undefined ? value : replaced(parts.body, value, at),
  })),
]

/** The value with one part of it replaced. */
function replaced(whole: unknown, value: unknown, at: number): unknown {
  if (typeof whole !== 'object' || whole === null) return value
  const name = picked(Object.keys(whole), at)
  if (name === undefined) return value
  const inner = (whole as Record<string, unknown>)[name]
  const changed = at % 3 === 0 ? value : replaced(inner, value, Math.floor(at / 3))
  return Array.isArray(whole) ? whole.with(Number(name), changed) : { ...whole, [name]: changed }
}
