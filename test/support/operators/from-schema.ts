/** Values that a JSON Schema of the OpenAPI document allows, and values that probably nothing allows. */
import fc from 'fast-check'

export interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly pattern?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly not?: { readonly enum?: readonly unknown[]; readonly const?: unknown }
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: Schema
  readonly minProperties?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly dependentRequired?: Readonly<Record<string, readonly string[]>>
  readonly propertyNames?: Schema
  readonly additionalProperties?: boolean | Schema
}

type Values = fc.Arbitrary<unknown>
/** @param known values of fields, by name, that are used beside made-up ones, because they exist */
export interface Source {
  readonly document: Readonly<Record<string, unknown>>
  readonly known: Readonly<Record<string, readonly string[]>>
}

export function valuesOf(schema: Schema, source: Source): Values {
  if (schema.$ref !== undefined) return valuesOf(pointedAt(source.document, schema.$ref), source)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  const forms = schema.anyOf ?? (schema.properties === undefined ? schema.oneOf : undefined)
  if (forms !== undefined) return fc.oneof(...forms.map((form) => valuesOf(form, source)))
  const { not } = schema
  const barred = not?.enum ?? (not?.const === undefined ? [] : [not.const])
  return typed(schema, source).filter((value) => !barred.includes(value))
}

function pointedAt(document: unknown, pointer: string): Schema {
  const parts = pointer.slice(2).split('/')
  return parts.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], document) as Schema
}

function typed(schema: Schema, source: Source): Values {
  switch (schema.type) {
    case 'string':
      return strings(schema)
    case 'integer':
    case 'number': {
      const least = schema.minimum ?? (schema.exclusiveMinimum === undefined ? -1000 : 1)
      return fc.integer({ min: least, max: schema.maximum ?? Math.max(least, 100_000) })
    }
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array': {
      const { minItems = 0, maxItems = 3 } = schema
      const items = valuesOf(schema.items ?? {}, source)
      return fc.array(items, { minLength: minItems, maxLength: Math.min(maxItems, minItems + 2) })
    }
    case 'object':
      return objects(schema, source)
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

const inYears = { min: new Date('1900-01-02'), max: new Date('2999-12-30'), noInvalidDate: true }
const offset = fc.constantFrom('Z', '+07:00', '-11:30', '+00:00')

function strings({ format, pattern, minLength = 0, maxLength = 60 }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid()
  if (format === 'date') return fc.date(inYears).map((at) => at.toISOString().slice(0, 10))
  if (format === 'date-time')
    return fc.tuple(fc.date(inYears), offset).map(([at, zone]) => at.toISOString().replace('Z', zone))
  if (format === 'uri') return fc.webUrl({ validSchemes: ['https'] })
  if (format === 'email') return fc.emailAddress()
  const fits = (text: string) => text.length >= minLength && text.length <= maxLength
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern, 'u')).filter(fits)
  return fc
    .string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, minLength + 40) })
    .filter(fits)
}

function objects(schema: Schema, source: Source): Values {
  const { properties = {}, required = [], dependentRequired = {}, additionalProperties } = schema
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, of]) => [name, fieldOf(name, of, source)]),
  )
  const whole = fc.record(fields, { requiredKeys: [...required] }) as fc.Arbitrary<Record<string, unknown>>
  const form = schema.oneOf === undefined ? fc.constant<Schema>({}) : fc.constantFrom(...schema.oneOf)
  const full = fc.record(fields)
  const fitting = fc.tuple(whole, full, form).map(([some, all, chosen]) => {
    const others = (schema.oneOf ?? []).flatMap((one) => (one === chosen ? [] : (one.required ?? [])))
    const fit = Object.fromEntries(Object.entries(some).filter(([name]) => !others.includes(name)))
    const add = (names: readonly string[] = []) => {
      for (const name of names) fit[name] ??= all[name]
    }
    add(chosen.required)
    for (const [name, needs] of Object.entries(dependentRequired)) if (name in fit) add(needs)
    return fit
  })
  const wide = fitting.filter((value) => Object.keys(value).length >= (schema.minProperties ?? 0))
  if (typeof additionalProperties !== 'object' || schema.propertyNames === undefined) return wide
  const names = valuesOf(schema.propertyNames, source) as fc.Arbitrary<string>
  return fc.dictionary(names, valuesOf(additionalProperties, source), { maxKeys: 2 })
}

/** A value of the schema, or one that exists. */
export function fieldOf(name: string, schema: Schema, source: Source): Values {
  const known = source.known[name]
  const made = valuesOf(schema, source)
  return known === undefined || schema.format === 'uuid' ? made : fc.oneof(made, fc.constantFrom(...known))
}

/** Text that has broken a parser or a database somewhere. */
// oxfmt-ignore
export const hostileText = fc.constantFrom(
  '', ' ', 'null', 'NaN', 'undefined', '__proto__', 'constructor', '0', '-1', '1e400', '0x10', '1.5', '9'.repeat(30),
  '0000-01-01', '9999-12-31', '2026-02-30', '0001-01-01T00:00:00+23:59', '9999-12-31T23:59:59-23:59',
  '2026-01-01T00:00:60Z', '00000000-0000-0000-0000-000000000000', "' or 1=1 --", '%00', '%', '../..', '{}', '[]', '"',
  String.raw`\u0000`, 'a\u200bb', '\u202e', '\ufeff', '\ud83d\ude00', 'x'.repeat(5_000), '\u0301',
)
export const hostileValue: Values = fc.oneof(
  hostileText,
  fc.constantFrom('a\0b', '\ud800', '\udfff\ud800'),
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -0,
    -1,
    0.5,
    1e308,
    2 ** 53,
    -(2 ** 31),
    [],
    {},
    [[]],
    [null],
  ),
  fc.constantFrom<unknown>({ '': 1 }, { __proto__: null, toString: 1 }, ['a', 1, null], { 'a\0': 1 }),
)
