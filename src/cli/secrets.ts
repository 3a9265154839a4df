/** Commands for secrets of portals. A secret is created here and shown once; the broker receives only its hash. */
import { makeSecret, warnedDays } from '../registry/client-secret.ts'
import { clientCommand, withDefault } from './command.ts'
import { secondsIn } from './span.ts'
import type { SecretAnswer } from '../admin/secret-operations.ts'

const oneDay = 86_400_000
const pathOf = (id: string) => `/v1/clients/${encodeURIComponent(id)}/secrets`
const ID = 'the portal’s client_id'

export const secretCommands = {
  'client secret rotate': clientCommand({
    about: 'make a new secret beside the old one, and show it once',
    args: { ID },
    options: {
      'old-ends': withDefault('SPAN', 'when the old one ends, in minutes, hours or days; 0d: at once', '7d'),
      expires: withDefault('SPAN', 'when the new one ends', '365d'),
    },
    async run({ admin, print }, args, { 'old-ends': oldEnds, expires }) {
      const path = pathOf(args.ID)
      const [othersEnd, expiresAt] = [momentIn(oldEnds, '--old-ends'), momentIn(expires, '--expires')]
      const { secret, hash } = makeSecret()
      const body = { hash: hash.toString('base64url'), expires_at: expiresAt, retire_others_at: othersEnd }
      const made = await admin.call<SecretAnswer>('POST', path, body)
      print(`${made.id}  valid until ${made.expires_at}; the old one until ${othersEnd} at the latest`)
      print(`client_secret, shown this once: ${secret}`)
    },
  }),

  'client secret list': clientCommand({
    about: 'list the secrets in service, with a warning before one ends',
    args: { ID },
    async run({ admin, print }, args) {
      const { secrets } = await admin.call<{ secrets: SecretAnswer[] }>('GET', pathOf(args.ID))
      if (secrets.length === 0) print('none: the portal cannot authenticate with a secret')
      for (const { id, created_at: at, created_by: by, expires_at: end } of secrets)
        print(`${id}  made ${at.slice(0, 10)} by ${by ?? 'its definition'}  ends ${end}${warningOf(end)}`)
    },
  }),

  'client secret revoke': clientCommand({
    about: 'end a secret at once',
    args: { ID, SECRET: 'the secret’s id, from `client secret list`' },
    async run({ admin, print }, { ID: id, SECRET: secret }) {
      await admin.call('POST', `${pathOf(id)}/${encodeURIComponent(secret)}/revoke`)
      print(`revoked ${secret}`)
    },
  }),
}

function warningOf(end: string): string {
  const days = Math.floor((Date.parse(end) - Date.now()) / oneDay)
  if (Date.parse(end) <= Date.now()) return '  EXPIRED'
  return days < warnedDays ? `  ENDS IN ${days} DAYS` : ''
}

const momentIn = (span: string, option: string): string =>
  new Date(Date.now() + secondsIn(span, option) * 1000).toISOString()
