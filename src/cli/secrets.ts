/** Secrets of portals on the command line: made here, shown once; the broker is sent the hash. */
import { makeSecret, warnedDays } from '../registry/client-secret.ts'
import { type Commands, clientCommand, needed, secondsIn } from './command.ts'
import type { ToldSecret } from '../admin/secret-operations.ts'

const oneDay = 86_400_000
const pathOf = (id: string | undefined) => `/v1/clients/${encodeURIComponent(needed(id, 'the ID'))}/secrets`

export const secretCommands: Commands = {
  'client secret rotate': clientCommand({
    call: 'ID\n--old-ends 7d\n--expires 365d',
    about:
      'a new secret beside the old one, shown once;\nwhen the old one ends: minutes, hours or days, 0d at once (7d)\nwhen the new one ends (365d)',
    options: { 'old-ends': 'string', expires: 'string' },
    async run({ admin, print }, args, { 'old-ends': oldEnds = '7d', expires = '365d' }) {
      const path = pathOf(args[0])
      const [othersEnd, expiresAt] = [momentIn(oldEnds, '--old-ends'), momentIn(expires, '--expires')]
      const { secret, hash } = makeSecret()
      const body = { hash: hash.toString('base64url'), expires_at: expiresAt, retire_others_at: othersEnd }
      const made = await admin.call<ToldSecret>('POST', path, body)
      print(
        `${made.id}  in service until ${made.expires_at}; the one before until ${othersEnd} at the latest`,
      )
      print(`client_secret, shown this once: ${secret}`)
    },
  }),

  'client secret list': clientCommand({
    call: 'ID',
    about: 'the secrets in service, with a warning before one ends',
    async run({ admin, print }, args) {
      const { secrets } = await admin.call<{ secrets: ToldSecret[] }>('GET', pathOf(args[0]))
      if (secrets.length === 0) print('none: the portal cannot authenticate by a secret')
      for (const { id, created_at: at, created_by: by, expires_at: end } of secrets)
        print(`${id}  made ${at.slice(0, 10)} by ${by ?? 'its definition'}  ends ${end}${warningOf(end)}`)
    },
  }),

  'client secret revoke': clientCommand({
    call: 'ID SECRET',
    about: 'end a secret at once',
    async run({ admin, print }, args) {
      const secret = needed(args[1], 'the SECRET, by its id')
      await admin.call('POST', `${pathOf(args[0])}/${encodeURIComponent(secret)}/revoke`)
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
