/** The signing keys of this node, read from the database every second: those that sign, are published, or only verify. */
import { createHash } from 'node:crypto'
import type { JWKS } from 'oidc-provider'
import type { Log } from '../telemetry/log.ts'
import { repeat } from '../store/repeat.ts'
import type { Seal } from '../crypto/seal.ts'
import type { Db } from '../store/db.ts'
import { type CalendarRow, type KnownKeyRow, listKnownKeys } from '../store/keys.ts'
import { PublicKey, signingKey } from './signing-key.ts'

export interface SigningKeys {
  /** Keys for the engine; each algorithm's signing key comes first. */
  engineKeys(): JWKS
  /** What portals read. A change replaces the whole object. */
  published(): Published
  /** Calls the listener with every change before it takes effect. If the listener throws, the change is tried again at the next refresh. */
  onChange(listener: (keys: JWKS) => void): void
  /** Seconds since the keys were last compared with the database. */
  age(): number
  refresh(): Promise<void>
  close(): void
}

export interface Published {
  /** JSON of the JWK Set. */
  readonly jwks: string
  readonly calendar: readonly CalendarRow[]
  readonly etag: string
}

/** @throws if there is no ES256 key, or if the key ring cannot open a key */
export async function openSigningKeys({
  db,
  seal,
  log,
  period = 1_000,
}: {
  db: Db
  seal: Seal
  log: Log
  period?: number | undefined
}): Promise<SigningKeys> {
  let loaded = openKeys(await listKnownKeys(db), seal)
  if (!loaded.published.calendar.some((row) => row.alg === 'ES256'))
    throw new Error('there is no ES256 signing key: run "npm run cli -- keys generate" once')
  let comparedAt = performance.now()
  const listeners: ((keys: JWKS) => void)[] = []

  async function refresh(): Promise<void> {
    const asked = performance.now()
    const rows = await listKnownKeys(db)
    if (versionOf(rows) !== loaded.version) {
      const next = openKeys(rows, seal)
      for (const listener of listeners) listener(next.engine)
      loaded = next
    }
    comparedAt = asked
  }
  // After a failure the keys loaded so far stay in use; the readiness check looks at their age.
  let lastLogged: string | undefined
  const endRenewal = repeat(period, () =>
    refresh().then(
      () => (lastLogged = undefined),
      (error: unknown) => {
        const { message, code } = error as { message: string; code?: string }
        if (code !== 'store_unavailable' && lastLogged !== message)
          log.error({ event: 'keys.unreadable', err: error })
        lastLogged = message
      },
    ),
  )

  return {
    engineKeys: () => loaded.engine,
    published: () => loaded.published,
    onChange: (listener) => void listeners.push(listener),
    age: () => (performance.now() - comparedAt) / 1000,
    refresh,
    close: () => void endRenewal(),
  }
}

/** A text that changes whenever a key is added, removed or revoked, or changes its state. */
const versionOf = (rows: readonly KnownKeyRow[]): string =>
  rows.map(({ kid, state, signsFrom }) => `${kid} ${state} ${signsFrom.getTime()}`).join('\n')

const isPublished = (row: KnownKeyRow): row is KnownKeyRow & CalendarRow => row.state !== 'retired'

function openKeys(
  rows: readonly KnownKeyRow[],
  seal: Seal,
): { version: string; engine: JWKS; published: Published } {
  const engine = rows.map(({ kid, alg, state, sealed, public: half }) => {
    if (sealed === null) return new PublicKey(kid, alg, half)
    // Opened even before it signs, so that a key ring that lacks its seal key fails now and not at the first signature.
    const jwk = JSON.parse(seal.open(sealed, kid)) as Record<string, unknown>
    return state === 'current' ? signingKey(kid, alg, jwk) : new PublicKey(kid, alg, half)
  })
  const calendar = rows.filter(isPublished)
  const version = versionOf(rows)
  const jwks = JSON.stringify({ keys: calendar.map(({ public: half }) => half) })
  const etag = `"${createHash('sha256').update(jwks).update(versionOf(calendar)).digest('base64url').slice(0, 22)}"`
  return { version, engine: { keys: engine }, published: { jwks, calendar, etag } }
}
