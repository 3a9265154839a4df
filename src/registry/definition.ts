/** Checks a portal's definition from a reviewed file. Each fault names its field and a remedy. */
import { z } from 'zod'
import { privateKey, privateParts } from './metadata.ts'
import { definitionSchema } from './clients.ts'
import { nearest } from './nearest.ts'

export type Definition = z.output<typeof definitionSchema>
export type Path = readonly (string | number)[]
export interface Fault {
  /** Empty: the definition as a whole. */
  readonly path: Path
  /** What is wrong, without the value. */
  readonly message: string
  readonly remedy: string
}

/** @param text message and remedy, separated by `; ` */
export const faultAt = (path: Path, text: string): Fault => {
  const [message = '', ...remedy] = text.split('; ')
  return { path, message, remedy: remedy.join('; ') }
}

/** `policy.agreement.date: is missing; add it`. */
export const formatFault = ({ path, message, remedy }: Fault): string =>
  `${path.length === 0 ? 'the definition' : path.map(shown).join('.')}: ${message}; ${remedy}`

/** A file may have anything in place of a field name, even a secret: only what looks like a name is repeated. */
const looksLikeName = /^[a-z_][\w#-]{0,39}$/i
export const shown = (name: string | number): string | number =>
  typeof name === 'number' || looksLikeName.test(name) ? name : '…'

export function checkDefinition(
  value: unknown,
): { definition: Definition; faults?: undefined } | { definition?: undefined; faults: Fault[] } {
  const secrets = secretsIn(value)
  if (secrets.length > 0) return { faults: secrets }
  const { data, error } = definitionSchema.safeParse(value)
  return data === undefined
    ? { faults: error.issues.flatMap((issue) => faultsOf(definitionSchema, value, issue)) }
    : { definition: data }
}

/** Checked by the CLI before the definition is sent, and again by the server. */
export function secretsIn(value: unknown): Fault[] {
  const { client_secret: secret, jwks } = (value ?? {}) as Record<string, unknown>
  const { keys } = (jwks ?? {}) as Record<string, unknown>
  const faults: Fault[] = []
  if (secret !== undefined)
    faults.push(
      faultAt(
        ['client_secret'],
        'is a secret, and reviewed files must not contain secrets; remove it: commands generate secrets',
      ),
    )
  for (const [index, key] of (Array.isArray(keys) ? (keys as unknown[]) : []).entries()) {
    const part = privateParts.find((name) => Object.hasOwn(Object(key) as object, name))
    if (part !== undefined) faults.push(faultAt(['jwks', 'keys', index, part], privateKey))
  }
  return [...faults, ...oddNames(value, [])]
}

/** Keys that do not look like field names are refused too, and never repeated. */
function oddNames(value: unknown, path: Path): Fault[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    Array.isArray(value) || looksLikeName.test(name)
      ? oddNames(inner, [...path, Array.isArray(value) ? Number(name) : name])
      : [faultAt([...path, name], 'is not a known field; remove it')],
  )
}

export function faultsOf(schema: z.ZodType, value: unknown, issue: z.core.$ZodIssue): Fault[] {
  const path = issue.path as Path
  if (issue.code === 'unrecognized_keys') {
    const known = namesAt(schema, path)
    return issue.keys.map((key) => {
      const near = nearest(key, known)
      return faultAt(
        [...path, key],
        `is not a known field; ${near === undefined ? 'remove it' : `write ${near}`}`,
      )
    })
  }
  return [faultAt(path, issue.message.includes('; ') ? issue.message : inOurWords(issue, at(value, path)))]
}

/** Translates zod's issue into a message and a remedy. */
function inOurWords(issue: z.core.$ZodIssue, given: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      if (given === undefined) return `is missing; add ${kindOf(issue.expected)}`
      if (issue.expected === 'string' && typeof given !== 'object')
        return `must be a string; write it in quotes`
      return `must be ${kindOf(issue.expected)}; correct it`
    case 'invalid_value': {
      const near = typeof given === 'string' ? nearest(given, issue.values.map(String)) : undefined
      const wrong = given === undefined ? 'is missing' : 'is not a known value'
      return `${wrong}; write ${near ?? `one of ${issue.values.join(', ')}`}`
    }
    case 'too_small':
      return issue.origin === 'array'
        ? `is empty; add at least ${String(issue.minimum)}, or remove the field`
        : `is too small; write ${issue.inclusive ? 'at least' : 'more than'} ${String(issue.minimum)}`
    case 'too_big':
      return `is too ${issue.origin === 'array' ? 'long' : 'large'}; write at most ${String(issue.maximum)}`
    default:
      return 'is not valid; compare it with the examples in config/portals.example'
  }
}

const kindOf = (expected: string): string =>
  ({
    string: 'a string',
    number: 'a number',
    int: 'an integer',
    boolean: 'true or false',
    array: 'a list',
    object: 'an object',
  })[expected] ?? expected

const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inner, name) => (inner as Record<string | number, unknown> | undefined)?.[name],
    value,
  )

/** The field names of the object at this path. */
function namesAt(schema: z.ZodType, path: Path): string[] {
  let inner: unknown = schema
  for (const name of [...path, undefined]) {
    while (!(inner instanceof z.ZodObject) && !(inner instanceof z.ZodArray)) {
      const { innerType } = (inner as { def: { innerType?: unknown } }).def
      if (innerType === undefined) return []
      inner = innerType
    }
    if (name === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
    inner = inner instanceof z.ZodObject ? (inner.shape as Record<string, unknown>)[name] : inner.element
  }
  return []
}
