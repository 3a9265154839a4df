/** Reviewed files with one mistake each. */
import { stringify } from 'yaml'
import { agreed } from './agreement.ts'
import { signer } from '../keys.ts'
import { recordSecrets } from '../record.ts'

export interface Mistake {
  /** The content of the file, or of several files by name. */
  readonly file: string | Buffer | Record<string, string | Buffer>
  /** The line that the error names: the first line with this text, or its number. */
  readonly at: string | number
  readonly told: RegExp
  /** The file that the error names. */
  readonly name?: string
}

export const { jwks } = await signer()
export const secret = 'a-secret-in-a-reviewed-file-which-is-wrong'
export const privatePart = 'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_abcde'
recordSecrets([secret, privatePart])

/** A complete definition of an active portal, with these changes. */
export function definition(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const { policy, ...rest } = changes
  const whole = agreed({
    client_id: 'portal-a',
    client_name: 'Cổng A',
    state: 'active',
    redirect_uris: ['https://portal.example/cb'],
    policy,
    ...rest,
  })
  return JSON.parse(JSON.stringify(whole)) as Record<string, unknown>
}

/** YAML of one portal, or of a list of several. */
export const yaml = (...changes: Record<string, unknown>[]): string =>
  stringify(changes.length === 1 ? definition(changes[0]) : changes.map(definition), {
    aliasDuplicateObjects: false,
  })
