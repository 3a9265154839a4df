/**
 * A portal's figures. The counts of `telemetry/tally.ts` are written to the database every few seconds, and returned
 * together with the portal's links and secrets and our keys. A process that is killed loses its counts since the last
 * write.
 */
import { z } from 'zod'
import { BrokerError } from '../errors.ts'
import { day } from '../http/times.ts'
import type { Log } from '../telemetry/log.ts'
import { vietnamDate } from '../vietnam-date.ts'
import type { Db } from '../store/db.ts'
import { addTallies, countStates, type DayRow, listDays, listSecretEnds } from '../store/figures.ts'
import { listCalendar } from '../store/keys.ts'
import { returnTallies, takeTallies } from '../telemetry/tally.ts'

const oneDay = 86_400_000
/** Days that one request may cover. */
const maxDays = 400

export const spanQuery = { from: day.optional(), to: day.optional() }

const counts = z.record(z.string(), z.number().int())
export const figuresAnswer = z.object({
  client: z.string(),
  /** Dates in Vietnam, both inclusive. */
  from: day,
  to: day,
  logins: z.object({ completed: z.number().int(), refused: z.number().int(), refused_by_code: counts }),
  /** Refused requests by OAuth error; only requests for which the portal authenticated. */
  requests_refused: counts,
  logout: z.object({ delivered: z.number().int(), failed: z.number().int() }),
  days: z.array(z.object({ day, completed: z.number().int(), refused: z.number().int() })),
  /** Current numbers. `rate`: share of linked accounts, 0 to 1; null if there is no account. */
  links: z.object({
    accounts: z.number().int(),
    linked: z.number().int(),
    open: z.number().int(),
    in_review: z.number().int(),
    rate: z.number().nullable(),
  }),
  /** Our published signing keys, with their calendar. */
  keys: z.array(
    z.object({
      kid: z.string(),
      alg: z.string(),
      state: z.enum(['next', 'current', 'previous']),
      signs_from: z.date(),
      published_until: z.date().nullable(),
    }),
  ),
  secrets: z.array(z.object({ expires_at: z.date() })),
})
export type FiguresTold = z.output<typeof figuresAnswer>

export interface Figures {
  /** Figures of one portal, or of all portals that have any. @throws BrokerError `input_invalid` */
  read(asked: {
    clientId?: string | undefined
    from?: string | undefined
    to?: string | undefined
  }): Promise<FiguresTold[]>
  /** Writes the counts to the database. */
  flush(): Promise<void>
  /** Writes the counts once more and stops. */
  close(): Promise<void>
}

/** @param period milliseconds between two writes */
export function createFigures({
  db,
  log,
  period = 5_000,
}: {
  db: Db
  log: Log
  period?: number | undefined
}): Figures {
  async function flush(): Promise<void> {
    const tallies = takeTallies()
    if (tallies.length === 0) return
    await addTallies(db, tallies).catch((error: unknown) => {
      returnTallies(tallies)
      log.warn({ event: 'figures.kept', waiting: tallies.length, err: error })
    })
  }
  // Writes run one after the other, so that a slow database gets no second one at the same time.
  let last = Promise.resolve()
  const flushNext = () => (last = last.then(flush))
  const timer = setInterval(() => void flushNext(), period).unref()

  return {
    async read({ clientId, ...span }) {
      const { from, to } = spanOf(span, Date.now())
      const [days, states, secrets, calendar] = await Promise.all([
        listDays(db, { clientId, from, to }),
        countStates(db, { clientId }),
        listSecretEnds(db, { clientId }),
        listCalendar(db),
      ])
      const keys = calendar.map(({ kid, alg, state, signsFrom, publishedUntil }) => ({
        kid,
        alg,
        state,
        signs_from: signsFrom,
        published_until: publishedUntil,
      }))
      const ids =
        clientId === undefined
          ? [...new Set([...days, ...states, ...secrets].map((row) => row.clientId))].toSorted()
          : [clientId]
      const of = <Row extends { clientId: string }>(rows: readonly Row[], id: string) =>
        rows.filter((row) => row.clientId === id)
      return ids.map((client) => ({
        client,
        from,
        to,
        ...countsOf(of(days, client)),
        links: linksOf(of(states, client)),
        keys,
        secrets: of(secrets, client).map(({ expiresAt }) => ({ expires_at: expiresAt })),
      }))
    },
    flush: flushNext,
    async close() {
      clearInterval(timer)
      await flushNext()
    },
  }
}

function spanOf({ from, to }: { from?: string | undefined; to?: string | undefined }, now: number) {
  const end = to ?? vietnamDate(now)
  const begin = from ?? vietnamDate(Date.parse(`${end}T05:00:00Z`) - 29 * oneDay)
  const days = (Date.parse(end) - Date.parse(begin)) / oneDay + 1
  if (days < 1) throw new BrokerError('input_invalid', 'from: must not come after to')
  if (days > maxDays)
    throw new BrokerError('input_invalid', `from: must be at most ${maxDays} days before to`)
  return { from: begin, to: end }
}

function countsOf(rows: readonly DayRow[]) {
  const sum = (some: readonly DayRow[]) => some.reduce((total, { n }) => total + n, 0)
  const by = (what: DayRow['what'], code?: string) =>
    rows.filter((row) => row.what === what && (code === undefined || row.code === code))
  const byCode = (some: readonly DayRow[]) => {
    const codes = [...new Set(some.map(({ code }) => code))].toSorted()
    return Object.fromEntries(codes.map((code) => [code, sum(some.filter((row) => row.code === code))]))
  }
  const split = (some: readonly DayRow[]) => ({
    completed: sum(some.filter(({ code }) => code === '')),
    refused: sum(some.filter(({ code }) => code !== '')),
  })
  const ended = by('login')
  return {
    logins: { ...split(ended), refused_by_code: byCode(ended.filter(({ code }) => code !== '')) },
    requests_refused: byCode(by('request')),
    logout: { delivered: sum(by('logout', 'delivered')), failed: sum(by('logout', 'failed')) },
    days: [...new Set(ended.map((row) => row.day))].map((date) => ({
      day: date,
      ...split(ended.filter((row) => row.day === date)),
    })),
  }
}

/** Leaves out accounts that can no longer be linked (retired, exempt). */
function linksOf(states: readonly { state: string; n: number }[]) {
  const count = (state: string) => states.find((row) => row.state === state)?.n ?? 0
  const [linked, open, inReview] = ['linked', 'open', 'in_review'].map(count) as [number, number, number]
  const accounts = linked + open + inReview
  const rate = accounts === 0 ? null : Math.round((linked / accounts) * 10_000) / 10_000
  return { accounts, linked, open, in_review: inReview, rate }
}
