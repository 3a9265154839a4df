/**
 * Checks every answer that a test's client receives against the admin API's OpenAPI document. A test that expects a
 * refusal could mistake our error for one, so the world reports all faults again at its end.
 */
import ajvFormats from 'ajv-formats'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Exchange } from '../../../src/cli/client.ts'
import { describeApi } from '../../../src/admin/openapi.ts'
import { type Operation, nameOf, takesKey } from '../../../src/admin/operation.ts'
import type { Db } from '../../../src/store/db.ts'
import { hasWritten } from '../../../src/store/idempotent-requests.ts'
import { openRecord } from '../record.ts'

interface Described {
  readonly headers?: Readonly<Record<string, unknown>>
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>
}

export interface Contract {
  /** @throws Error when the answer is not in the document, or the audit has no event of a write */
  check(exchange: Exchange): Promise<void>
  /** @throws Error with all faults so far */
  complain(): void
}

export function createContract(rows: readonly Operation[], db: Db): Contract {
  const document = JSON.parse(JSON.stringify(describeApi(rows))) as Record<string, unknown>
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajvFormats.default(ajv)
  ajv.addSchema({ $id: 'api', ...document })
  const faults: string[] = []

  /** Follows a `$ref` within `document`. */
  function at(pointer: string): { pointer: string; value: Described } | undefined {
    let value: unknown = document
    for (const part of pointer.slice(2).split('/'))
      value = (value as Record<string, unknown> | undefined)?.[
        part.replaceAll('~1', '/').replaceAll('~0', '~')
      ]
    const { $ref } = (value ?? {}) as { $ref?: string }
    if ($ref !== undefined) return at($ref)
    return value === undefined ? undefined : { pointer, value: value as Described }
  }

  function faultOf(row: Operation, { status, headers, text }: Exchange): string | undefined {
    const path = row.path.replaceAll(/:(\w+)/g, '{$1}').replaceAll('/', '~1')
    const answer = at(`#/paths/${path}/${row.method.toLowerCase()}/responses/${status}`)
    if (answer === undefined) return `status ${status} is not described: ${text}`
    for (const name of ['etag', 'location', 'idempotency-replayed', 'x-reference'])
      if (
        headers[name] !== undefined &&
        !Object.keys(answer.value.headers ?? {}).some((one) => one.toLowerCase() === name)
      )
        return `the header ${name} is not described for ${status}`
    const { content } = answer.value
    if (content === undefined) return (text ?? '') === '' ? undefined : `${status} has a body`
    const type = (headers['content-type'] ?? '').split(';')[0]!
    if (content[type] === undefined) return `content of ${type} is not described for ${status}`
    if (!/[/+]json$/.test(type) || text === undefined) return undefined
    const place = `api${answer.pointer}/content/${type.replaceAll('/', '~1')}/schema`
    const validate = ajv.getSchema(place)
    if (validate === undefined) return `there is no schema at ${place}`
    if (validate(JSON.parse(text)) === true) return undefined
    // Paths and rules without values, because an answer may contain personal data.
    return `${status}: ${validate.errors!.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`).join('; ')}`
  }

  /** Whether a successful write has no audit event under its reference, on which `idempotency.ts` relies. */
  async function isUntold(row: Operation, { status, headers }: Exchange): Promise<boolean> {
    if (!takesKey(row) || status >= 300 || headers['idempotency-replayed'] !== undefined) return false
    return !(await hasWritten(db, headers['x-reference'] ?? ''))
  }

  const record = openRecord('answers')
  return {
    async check(exchange) {
      record(`${JSON.stringify(exchange.headers)}\n${exchange.text ?? ''}\n`)
      const row = rowOf(rows, exchange)
      if (row === undefined && exchange.status === 404) return
      const fault =
        row === undefined
          ? `${exchange.status} to an unknown path`
          : (faultOf(row, exchange) ??
            ((await isUntold(row, exchange)) ? 'a write of which the audit does not know' : undefined))
      if (fault === undefined) return
      faults.push(`${row === undefined ? exchange.path : nameOf(row)}: ${fault}`)
      throw new Error(faults.at(-1))
    },
    complain() {
      if (faults.length > 0)
        throw new Error(`answers differ from the OpenAPI document:\n${[...new Set(faults)].join('\n')}`)
    },
  }
}

function rowOf(rows: readonly Operation[], { method, path }: Exchange): Operation | undefined {
  const parts = path.split('?')[0]!.split('/')
  return rows
    .filter((row) => {
      const own = row.path.split('/')
      const fits =
        own.length === parts.length &&
        own.every((part, index) => part.startsWith(':') || part === parts[index])
      return row.method === method && fits
    })
    .toSorted((a, b) => a.path.split(':').length - b.path.split(':').length)[0]
}
