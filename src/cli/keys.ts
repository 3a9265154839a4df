import { setTimeout as sleep } from 'node:timers/promises'
import { signingAlgorithms } from '../vocabulary.ts'
import type { AdminClient } from './client.ts'
import { clientCommand, optional, required } from './command.ts'
import { secondsIn } from './span.ts'
import { type Terminal, drawBar } from './terminal.ts'

interface Key {
  readonly kid: string
  readonly alg: string
  readonly state: string
  readonly published_at: string
  readonly signs_from: string
  readonly signs_until?: string | null
  readonly published_until?: string | null
  readonly ended_at?: string
}
interface Ring {
  readonly seal: readonly {
    readonly key: string
    readonly tables: Readonly<Record<string, number>>
    readonly needed: boolean
    readonly state_until: string | null
  }[]
  readonly index: readonly { readonly key: string; readonly needed: boolean }[]
  readonly unreadable: Readonly<Record<string, number>>
  readonly operators_behind: number
}
interface Run {
  readonly id: string
  readonly state: 'unfinished' | 'done'
  readonly touched_at: string
  readonly table: string
  readonly rows_total: number
  readonly rows_done: number
  readonly rows_changed: number
  readonly rows_unreadable: number
  readonly fault: string | null
}

export const keyCommands = {
  'keys list': clientCommand({
    about: 'list signing keys: which one signs, which one is next, and when',
    async run({ admin, print }) {
      const { keys, past } = await admin.call<{ keys: Key[]; past: Key[] }>('GET', '/v1/keys')
      for (const key of keys) print(lineOf(key, key.published_until, 'published until'))
      for (const key of past) print(lineOf(key, key.ended_at, 'ended'))
    },
  }),

  'keys rotate': clientCommand({
    about: 'announce the next signing key',
    options: {
      alg: optional('ALG', `${signingAlgorithms.join(', ')} (default: ES256)`),
      announce: optional('SPAN', 'how long it is published before it signs, at least 15m (default: 24h)'),
    },
    async run({ admin, print }, _args, { alg, announce }) {
      const body = { ...(alg && { alg }), ...(announce && { announce: secondsIn(announce, '--announce') }) }
      const made = await admin.call<{ kid: string; alg: string; signs_from: string }>(
        'POST',
        '/v1/keys',
        body,
      )
      print(`${made.alg} ${made.kid}: published now, signs from ${made.signs_from}`)
    },
  }),

  'keys revoke': clientCommand({
    about: 'revoke a leaked signing key: it leaves the JWKS at once',
    args: { KID: 'the key, from `keys list`' },
    options: { reason: required('TEXT', 'why') },
    async run({ admin, print }, { KID: kid }, { reason }) {
      const path = `/v1/keys/${encodeURIComponent(kid)}/revoke`
      const { signs } = await admin.call<{ signs: string }>('POST', path, { reason })
      print(`revoked ${kid}; ${signs} signs now`)
      print(
        'Portals that cache the JWKS accept the old key for up to 10 more minutes: ask them to fetch it again.',
      )
      print('ID tokens signed with it are no longer valid; sessions and refresh tokens continue.')
    },
  }),

  'keys ring': clientCommand({
    about: 'show what is sealed under which key of SEAL_KEYS and INDEX_KEYS, and which keys are removable',
    run: async ({ admin, print }) => tellRing(await admin.call<Ring>('GET', '/v1/key-ring'), print),
  }),

  'keys reseal': clientCommand({
    about: 're-seal everything at rest under the newest keys, or continue an unfinished run',
    async run({ admin, print, terminal }) {
      const begun = await admin.call<Run & { older_key_in_use: boolean }>('POST', '/v1/reseals')
      if (begun.older_key_in_use)
        print(
          'a node wrote under an older key seconds ago: do not remove that key while a node still writes under it',
        )
      const run = await follow(admin, terminal, begun)
      print(`${count(run.rows_total)} rows seen, ${count(run.rows_changed)} changed`)
      if (run.rows_unreadable > 0)
        print(`${count(run.rows_unreadable)} rows could not be opened and were skipped: the log names them`)
      tellRing(await admin.call<Ring>('GET', '/v1/key-ring'), print)
    },
  }),
}

const count = (rows: number) => rows.toLocaleString('en')

function lineOf(key: Key, until: string | null | undefined, what: string): string {
  const end = until ? `  ${what} ${until}` : ''
  return `${key.alg.padEnd(6)} ${key.kid}  ${key.state.padEnd(8)}  signs from ${key.signs_from}${end}`
}

function tellRing(
  { seal, index, unreadable, operators_behind: behind }: Ring,
  print: (line: string) => void,
): void {
  const rowsOf = (tables: Readonly<Record<string, number>>) =>
    Object.entries(tables)
      .map(([table, rows]) => `${table} ${count(rows)}`)
      .join(', ')
  const standing = (position: number, isNeeded: boolean, until: string | null = null) => {
    if (position === 0) return 'writes'
    if (isNeeded) return 'needed'
    return until === null ? 'removable' : `sessions until ${until}`
  }
  for (const [position, { key, tables, needed: isNeeded, state_until: until }] of seal.entries()) {
    print(
      `SEAL_KEYS  ${position + 1}  ${key}  ${standing(position, isNeeded, until)}  ${rowsOf(tables)}`.trimEnd(),
    )
  }
  for (const [position, { key, needed: isNeeded }] of index.entries())
    print(`INDEX_KEYS ${position + 1}  ${key}  ${standing(position, isNeeded)}`)
  if (behind > 0)
    print(
      `${behind} operators must sign in, or have their number set again, before an older index key is removable`,
    )
  if (Object.keys(unreadable).length > 0)
    print(`rows under keys that are not in the ring: ${rowsOf(unreadable)}`)
}

/** Seconds without progress of the run after which its node counts as dead. */
const silence = 60

/** Waits until the run has ended. @throws Error if it stopped before its end */
async function follow(admin: AdminClient, { stderr }: Terminal, begun: Run): Promise<Run> {
  const from = { rows: begun.rows_done, at: performance.now() }
  for (let heard = { touched: '', at: performance.now() }; ; await sleep(1_000)) {
    const run = await admin.call<Run>('GET', `/v1/reseals/${begun.id}`)
    if (stderr.isTTY) stderr.write(`\r\u001b[K${run.state === 'done' ? '' : progressLine(run, from)}`)
    if (run.state === 'done') return run
    if (run.fault !== null)
      throw new Error(`stopped at ${run.table}: ${run.fault}; run the command again to continue`)
    if (run.touched_at !== heard.touched) heard = { touched: run.touched_at, at: performance.now() }
    if (performance.now() - heard.at > silence * 1000)
      throw new Error('the node that re-seals no longer responds; run the command again to continue')
  }
}

function progressLine(
  { table, rows_done: done, rows_total: total }: Run,
  from: { rows: number; at: number },
): string {
  const part = total === 0 ? 1 : Math.min(1, done / total)
  const rate = (done - from.rows) / Math.max(0.001, (performance.now() - from.at) / 1000)
  const left = rate > 0 ? `, ${Math.ceil((total - done) / rate)} s left` : ''
  return `${table.padEnd(18)} ${drawBar(part)} ${count(done)} of ${count(total)} rows, ${count(Math.round(rate))} rows/s${left}`
}
