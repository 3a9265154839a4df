/** The signing keys of this node, renewed every second: what it signs with, what it publishes, what it still knows. */
import { createHash } from 'node:crypto'
import type { JWKS } from 'oidc-provider'
import type { Log } from '../telemetry/log.ts'
import { repeat } from '../store/repeat.ts'
import type { Seal } from '../crypto/seal.ts'
import type { Db } from '../store/db.ts'
import { type CalendarRow, type KnownKeyRow, listKnownKeys } from '../store/keys.ts'
import { PublicKey, signingKey } from './signing-key.ts'

export interface SigningKeys {
  /** For the engine, the signing key of each algorithm first. */
  engineKeys(): JWKS
  /** What portals read; replaced whole. */
  published(): Published
  /** Told of every change, before it counts: one that fails is told of it again at the next look. */
  onChange(listener: (keys: JWKS) => void): void
  /** Seconds since they were last what the database says. */
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

/** @throws when there is no ES256 key, or one cannot be opened with the key ring */
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
    throw new Error('no ES256 signing key: run "npm run cli -- keys generate" once')
  let comparedAt = performance.now()
  const listeners: ((keys: JWKS) => void)[] = []

  async function refresh(): Promise<void> {
    const asked = performance.now()
    const rows = await listKnownKeys(db)
    if (standOf(rows) !== loaded.stand) {
      const next = openKeys(rows, seal)
      for (const listener of listeners) listener(next.engine)
      loaded = next
    }
    comparedAt = asked
  }
  // The keys known so far go on; the readiness check looks at their age.
  let told: string | undefined
  const endRenewal = repeat(period, () =>
    refresh().then(
      () => (told = undefined),
      (error: unknown) => {
        const { message, code } = error as { message: string; code?: string }
        if (code !== 'store_unavailable' && told !== message)
          log.error({ event: 'keys.unreadable', err: error })
        told = message
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

/** Another whenever a key comes, goes, takes over, or proves nothing any more. */
const standOf = (rows: readonly KnownKeyRow[]): string =>
  rows.map(({ kid, state, signsFrom }) => `${kid} ${state} ${signsFrom.getTime()}`).join('\n')

const isPublished = (row: KnownKeyRow): row is KnownKeyRow & CalendarRow => row.state !== 'retired'

function openKeys(
  rows: readonly KnownKeyRow[],
  seal: Seal,
): { stand: string; engine: JWKS; published: Published } {
  const engine = rows.map(({ kid, alg, state, sealed, public: half }) => {
    if (sealed === null) return new PublicKey(kid, alg, half)
    // Opened also before it signs: a ring that lacks its key shall not be found out then.
    const jwk = JSON.parse(seal.open(sealed, kid)) as Record<string, unknown>
    return state === 'current' ? signingKey(kid, alg, jwk) : new PublicKey(kid, alg, half)
  })
  const calendar = rows.filter(isPublished)
  const stand = standOf(rows)
  const jwks = JSON.stringify({ keys: calendar.map(({ public: half }) => half) })
  const etag = `"${createHash('sha256').update(jwks).update(standOf(calendar)).digest('base64url').slice(0, 22)}"`
  return { stand, engine: { keys: engine }, published: { jwks, calendar, etag } }
}
