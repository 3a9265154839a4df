/** A reviewed file with one mistake in it. */
import { stringify } from 'yaml'
import { agreed } from './agreement.ts'
import { signer } from '../keys.ts'
import { recordSecrets } from '../record.ts'

export interface Mistake {
  /** The text of the file; of several, by name. */
  readonly file: string | Buffer | Record<string, string | Buffer>
  /** Which line is named: where this first stands, or its number. */
  readonly at: string | number
  readonly told: RegExp
  /** The file that is named. */
  readonly name?: string
}

export const { jwks } = await signer()
export const secret = 'a-secret-in-a-reviewed-file-which-is-wrong'
export const privatePart = 'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_abcde'
recordSecrets([secret, privatePart])

/** What may stand in the registry, active, but for these changes. */
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

/** A file with one portal, or a list of several. */
export const yaml = (...changes: Record<string, unknown>[]): string =>
  stringify(changes.length === 1 ? definition(changes[0]) : changes.map(definition), {
    aliasDuplicateObjects: false,
  })
