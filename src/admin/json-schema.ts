/** zod → JSON Schema, as OpenAPI 3.1 holds it: named schemas among the components, each once. */
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'

export type JsonSchema = Readonly<Record<string, unknown>>

export interface Schemas {
  /** What a caller may send: what stands before defaults and transforms. */
  input(schema: z.ZodType): JsonSchema
  /** What is answered. */
  output(schema: z.ZodType): JsonSchema
  /** Those with `meta({ id })` that the schemas above refer to. */
  readonly components: Readonly<Record<string, JsonSchema>>
}

export function collectSchemas(): Schemas {
  const components: Record<string, JsonSchema> = {}
  function convert(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const {
      $schema: _,
      $defs = {},
      ...own
    } = withOurReferences(
      z.toJSONSchema(schema, { io, unrepresentable: 'any', override: ({ jsonSchema }) => tidy(jsonSchema) }),
    )
    for (const [id, named] of Object.entries($defs as Record<string, JsonSchema>)) {
      if (components[id] !== undefined && !isDeepStrictEqual(components[id], named))
        throw new TypeError(`two schemas are called ${id}`)
      components[id] = named
    }
    return own
  }
  return {
    input: (schema) => convert(schema, 'input'),
    output: (schema) => convert(schema, 'output'),
    components,
  }
}

/** The format says what zod's long pattern says; and what is no limit to anybody is left out. */
function tidy(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.format !== undefined) delete schema.pattern
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
}

const withOurReferences = (schema: object): Record<string, unknown> =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as Record<
    string,
    unknown
  >
