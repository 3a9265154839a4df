/**
 * How much one caller may ask for, per minute, by group of endpoints. Generous: the table keeps one caller from
 * crowding out the others; it does not size the machine. `LIMITS` overrides single figures.
 */

export const dimensions = ['browser', 'newcomers', 'address', 'client', 'failures'] as const

/**
 * - `browser`: requests of one browser that carries our cookie.
 * - `newcomers`: requests of one address, from which on browsers without the cookie are asked to wait.
 * - `address`: requests of one address, from which on everybody there is.
 * - `client`: requests of one portal that proved itself by a secret or key, from all its addresses.
 * - `failures`: requests of one portal's name from one address that failed to prove it.
 */
export type Dimension = (typeof dimensions)[number]

export type Budget = Readonly<Partial<Record<Dimension, number>>>

export const limitTable = {
  /** A login begins. */
  authorize: { browser: 120, newcomers: 3_000, address: 30_000 },
  /** The way back from VNeID: whoever is on it has our cookie. */
  callback: { browser: 120, newcomers: 600 },
  /** Everything else that a citizen sees. */
  pages: { browser: 300, newcomers: 3_000 },
  /** A portal's page sends a form here: without our cookie, so browsers cannot be told apart. */
  forms: { address: 6_000 },
  /** Where a code is typed in that could be guessed. */
  user_code: { browser: 30, newcomers: 60, address: 300 },
  /** A terminal asks for such a code, which needs no secret and is kept: bounded where addresses tell nobody apart, too. */
  device_code: { address: 60 },
  token: { client: 300_000, failures: 300, address: 600_000 },
  par: { client: 120_000, failures: 300, address: 600_000 },
  introspection: { client: 300_000, failures: 300, address: 600_000 },
  userinfo: { client: 300_000, failures: 3_000, address: 600_000 },
  portal_api: { client: 60_000, failures: 300, address: 120_000 },
  /** Discovery and keys. */
  metadata: { address: 60_000 },
  admin: { failures: 600, address: 12_000 },
} as const satisfies Record<string, Budget>

export type LimitGroup = keyof typeof limitTable
export const limitGroups = Object.keys(limitTable) as LimitGroup[]
