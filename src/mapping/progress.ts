/** The progress of the mapping: counted rows → the operators' report, as JSON, CSV or plain text. */
import { csvLine } from './csv.ts'
import type { PortalRow, ProgressRow, TrendDay } from '../store/progress.ts'
import { type ClassName, classNames, classesOf } from './classes.ts'
import { vietnamDate } from '../vietnam-date.ts'
import { type LockPolicy, type legalDates, lockStatus } from './lock.ts'
import {
  type AccountState,
  type LinkMethod,
  type Population,
  accountStates,
  linkMethods,
  populations,
} from '../vocabulary.ts'

export interface Tally {
  readonly accounts: number
  readonly states: Readonly<Record<AccountState, number>>
  /** Accounts by class; an account may have several classes. */
  readonly classes: Readonly<Record<ClassName, number>>
  /** Active links by method. */
  readonly links: Readonly<Record<LinkMethod, number>>
}
/** By kind of account; `all` is their sum. Kinds without accounts are left out. */
export type Tallies = Readonly<{ all: Tally } & Partial<Record<Population, Tally>>>

export interface LockReport {
  readonly phase: string
  /** First day of the lock, past or future; absent if it has no date. */
  readonly locked_from?: string
  /** Days until the lock; zero or less once it has begun. */
  readonly days_left?: number
}
export type Locks = Readonly<Record<keyof typeof legalDates, LockReport>>

export interface PortalProgress {
  readonly client: string
  readonly name: string
  readonly lock: Locks
  readonly kinds: Tallies
}
export interface ProgressReport {
  /** ISO 8601. */
  readonly at: string
  /** The legal dates; each portal has its own in `portals`. */
  readonly lock: Locks
  readonly total: Tallies
  readonly portals: readonly PortalProgress[]
  /** `province`: an official code, or `ministry`. */
  readonly provinces: readonly { readonly province: string; readonly kinds: Tallies }[]
  readonly trend: readonly {
    readonly day: string
    readonly new_linked: number
    readonly new_accounts: number
    readonly linked: number
    readonly accounts: number
  }[]
}

/** @param now milliseconds since the epoch */
export function shapeProgress(
  {
    rows,
    trend,
    portals,
  }: { rows: readonly ProgressRow[]; trend: readonly TrendDay[]; portals: readonly PortalRow[] },
  now: number,
): ProgressReport {
  const known = new Map(portals.map((portal) => [portal.clientId, portal]))
  const groupBy = (of: (row: ProgressRow) => string) => [...Map.groupBy(rows, of)].toSorted(byKey)
  return {
    at: new Date(now).toISOString(),
    lock: locksOf(undefined, now),
    total: tallies(rows),
    portals: groupBy(({ clientId }) => clientId).map(([client, own]) => ({
      client,
      name: known.get(client)?.name ?? client,
      lock: locksOf(known.get(client)?.policy?.['mapping'] as LockPolicy | undefined, now),
      kinds: tallies(own),
    })),
    provinces: groupBy(({ province }) => province).map(([province, own]) => ({
      province,
      kinds: tallies(own),
    })),
    trend: trend.map(({ day, newLinked, newAccounts, linked, accounts }) => ({
      day,
      new_linked: newLinked,
      new_accounts: newAccounts,
      linked,
      accounts,
    })),
  }
}

const byKey = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0)

function tallies(rows: readonly ProgressRow[]): Tallies {
  const kinds = populations.map((kind) => [kind, rows.filter((row) => row.kind === kind)] as const)
  const present = kinds.filter(([, own]) => own.length > 0).map(([kind, own]) => [kind, tally(own)] as const)
  return { all: tally(rows), ...Object.fromEntries(present) }
}

function tally(rows: readonly ProgressRow[]): Tally {
  const zeros = <Name extends string>(names: readonly Name[]) =>
    Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>
  const states = zeros(accountStates)
  const classes = zeros(classNames)
  const links = zeros(linkMethods)
  let accounts = 0
  for (const { state, classes: mask, method, n } of rows) {
    if (method !== '') links[method as LinkMethod] += n
    else {
      accounts += n
      states[state as AccountState] += n
      for (const name of classesOf(mask)) classes[name] += n
    }
  }
  return { accounts, states, classes, links }
}

function locksOf(policy: LockPolicy | undefined, now: number): Locks {
  const today = Date.parse(vietnamDate(now))
  const statusOf = (population: keyof typeof legalDates): LockReport => {
    const { phase, lockedFrom } = lockStatus(population, { lock: policy?.lock ?? {} }, now)
    if (lockedFrom === undefined) return { phase }
    return { phase, locked_from: lockedFrom, days_left: (Date.parse(lockedFrom) - today) / 86_400_000 }
  }
  return {
    citizen: statusOf('citizen'),
    organisation: statusOf('organisation'),
    foreigner: statusOf('foreigner'),
  }
}

/**
 * The report as one CSV table (RFC 4180), which a spreadsheet can filter by its column `of`. It has lines for each portal,
 * each province and the total, by kind of account, then one line per day of the trend, whose `id` is the day
 * (`YYYY-MM-DD`). Cells without a number are empty.
 */
export function progressCsv({ portals, provinces, total, trend }: ProgressReport): string {
  const numbers = ({ accounts, states, links, classes }: Tally) => [
    accounts,
    ...Object.values(states),
    ...Object.values(links),
    ...Object.values(classes),
  ]
  const lines = (of: string, id: string, name: string, kinds: Tallies) =>
    Object.entries(kinds).map(([kind, own]) => [of, id, name, kind, ...numbers(own), '', ''])
  const afterStates = [...linkMethods, ...classNames].map(() => '')
  return csv([
    [
      'of',
      'id',
      'name',
      'kind',
      'accounts',
      ...accountStates,
      ...linkMethods.map((name) => `by_${name}`),
      ...classNames,
      'new_linked',
      'new_accounts',
    ],
    ...portals.flatMap(({ client, name, kinds }) => lines('portal', client, name, kinds)),
    ...provinces.flatMap(({ province, kinds }) => lines('province', province, province, kinds)),
    ...lines('total', '', '', total),
    ...trend.map(({ day, new_linked: newLinked, new_accounts: newAccounts, linked, accounts }) => [
      'day',
      day,
      '',
      'all',
      accounts,
      ...accountStates.map((state) => (state === 'linked' ? linked : '')),
      ...afterStates,
      newLinked,
      newAccounts,
    ]),
  ])
}

const csv = (rows: readonly (readonly (string | number)[])[]): string => rows.map(csvLine).join('')

/**
 * The report as text for a terminal.
 * @param days number of days of the trend to show, up to today
 * @param classes true to show each portal's links by method and accounts by class
 */
export function progressTable(
  { at, portals, provinces, total, trend, lock }: ProgressReport,
  { days = 14, classes = false }: { days?: number; classes?: boolean } = {},
): string {
  const line = (name: string, { all: { accounts, states } }: Tallies) => {
    const share = accounts === 0 ? '' : `${((100 * states.linked) / accounts).toFixed(1)}%`
    return [name, accounts, ...accountStates.map((state) => states[state]), share].map(String)
  }
  const table = columns([
    ['', 'accounts', ...accountStates, ''],
    ...portals.map((portal) => line(named(portal), portal.kinds)),
    ...provinces.map(({ province, kinds }) => line(`province ${province}`, kinds)),
    line('total', total),
  ])
  const [first, last] = [trend[0], trend.at(-1)]
  const dates = Object.entries(lock).map(
    ([population, { phase, locked_from: from, days_left: left = 0 }]) => {
      const isAhead = from !== undefined && left > 0 && first && last && first.day <= from && from <= last.day
      const remaining = isAhead ? ` (${left} ${left === 1 ? 'day' : 'days'} left)` : ''
      return `${population} ${phase} ${from ?? 'no date'}${remaining}`
    },
  )
  const today = vietnamDate(Date.parse(at))
  const shown = trend.filter(({ day }) => day <= today).slice(-days)
  return [
    ...table,
    '',
    ...(classes ? portals.flatMap(ownCounts) : []),
    `links: ${some(total.all.links)}`,
    `classes: ${some(total.all.classes)}`,
    `lock: ${dates.join(', ')}`,
    ...(first && last
      ? [`since ${first.day}: ${trend.reduce((sum, { new_linked: n }) => sum + n, 0)} newly linked`]
      : []),
    ...(shown.length > 0 ? ['', ...columns([trendHead, ...shown.map(trendLine)])] : []),
  ].join('\n')
}

const trendHead = ['day', 'new_linked', 'new_accounts', 'linked', 'accounts'] as const
const trendLine = (day: ProgressReport['trend'][number]): string[] =>
  trendHead.map((name) => String(day[name]))

/** Removes control characters from the name, because a terminal would execute them. */
const named = ({ client, name }: PortalProgress): string => `${name.replaceAll(/\p{Cc}/gu, '')} (${client})`

const ownCounts = (portal: PortalProgress): string[] => [
  `${named(portal)} links: ${some(portal.kinds.all.links)}`,
  `${named(portal)} classes: ${some(portal.kinds.all.classes)}`,
]

const some = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, n]) => n !== 0)
    .map(([name, n]) => `${name} ${n}`)
    .join(', ') || 'none'

/** The first column is text, the others numbers. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, index) => Math.max(...rows.map((row) => row[index]!.length)))
  return rows.map((row) =>
    row
      .map((text, index) => (index === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[index]!)))
      .join('  ')
      .trimEnd(),
  )
}
