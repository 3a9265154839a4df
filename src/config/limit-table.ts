/**
 * Requests per minute that one caller may send, by group of endpoints. The limits are generous: they keep one caller
 * from crowding out others and do not reflect the capacity of the machine. `LIMITS` overrides single values.
 */

export const dimensions = ['browser', 'newcomers', 'address', 'client', 'failures', 'bytes'] as const

/**
 * - `browser`: requests of one browser that carries our cookie.
 * - `newcomers`: requests of one address; above it, browsers without our cookie must wait.
 * - `address`: requests of one address; above it, all callers of the address must wait.
 * - `client`: requests of one portal that authenticated with a secret or key, from all addresses.
 * - `failures`: requests with one portal's id from one address that failed to authenticate.
 * - `bytes`: bytes of one address that we store before it has proved anything, about 700 for each request included.
 */
export type Dimension = (typeof dimensions)[number]

export type Budget = Readonly<Partial<Record<Dimension, number>>>

export const limitTable = {
  /** Start of a login. */
  authorize: { browser: 120, newcomers: 3_000, address: 30_000, bytes: 9_000_000 },
  /** The return from VNeID: the browser already has our cookie. */
  callback: { browser: 120, newcomers: 600 },
  /** All other pages for citizens. */
  pages: { browser: 300, newcomers: 3_000 },
  /** A cross-site form from a portal's page: sent without our cookie, so browsers cannot be told apart. */
  forms: { address: 6_000, bytes: 9_000_000 },
  /** Entry of a user code, which could be guessed. */
  user_code: { browser: 30, newcomers: 60, address: 300 },
  /** A device requests a code, which needs no secret and stores a record: limited even if all callers share an address. */
  device_code: { address: 60 },
  token: { client: 300_000, failures: 300, address: 600_000 },
  par: { client: 120_000, failures: 300, address: 600_000 },
  introspection: { client: 300_000, failures: 300, address: 600_000 },
  userinfo: { client: 300_000, failures: 3_000, address: 600_000 },
  portal_api: { client: 60_000, failures: 300, address: 120_000 },
  /** Discovery and JWKS. */
  metadata: { address: 60_000 },
  admin: { failures: 600, address: 12_000 },
} as const satisfies Record<string, Budget>

export type LimitGroup = keyof typeof limitTable
export const limitGroups = Object.keys(limitTable) as LimitGroup[]
