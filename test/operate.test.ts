/** The operators' guide names what there is, and nothing that there is not. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { expect, test } from 'vitest'
import type { Command } from '../src/cli/command.ts'
import { roles } from '../src/operators/roles.ts'
import { commands } from '../src/cli/main.ts'
import { errorTable } from '../src/errors.ts'
import { registry } from '../src/telemetry/metrics.ts'
import { namedBy, namesIn, readGuide } from './support/guide.ts'

const guide = readGuide('operate.md')
const fileAt = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

/** As the command line reads them. */
const optionsOf = ({ options = {} }: Command) =>
  Object.fromEntries(Object.entries(options).map(([name, type]) => [name, { type }] as const))
const wordsOf = (line: string) => line.trim().split(/\s+/)
/** How many words the usage wants before the options. */
const wantedBy = ({ call = '' }: Command) => wordsOf(call).findIndex((word) => !/^[A-Z]+$/.test(word))

const printed = [...guide.matchAll(/npm run cli -- ([^`\n#]+)/g)].map(([, line]) => line!.trim())

test('the guide prints commands', () => {
  expect(printed.length).toBeGreaterThan(15)
})

test.each(printed)('npm run cli -- %s', (line) => {
  const name = Object.keys(commands).find((words) => `${line} `.startsWith(`${words} `))
  expect(Object.keys(commands)).toContain(name)
  const command = commands[name!]!
  const args = wordsOf(line.slice(name!.length)).filter((word) => word !== '')
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options: optionsOf(command) })
  const wanted = wantedBy(command)
  expect(positionals).toHaveLength(wanted < 0 ? wordsOf(command.call ?? '').length : wanted)
  const given = values as Readonly<Record<string, string | undefined>>
  for (const role of given['role']?.split(',') ?? []) expect(roles).toContain(role)
})

test('the guide tells of every role, every reason for a case and every metric, and of no other', async () => {
  expect(namedBy(guide, 'role')).toEqual([...roles].toSorted())
  const [, reasons = ''] =
    /reason +text not null check \(reason in \(([^)]+)\)\)/.exec(fileAt('migrations/003-mapping.sql')) ?? []
  expect(namedBy(guide, 'case')).toEqual(reasons.match(/\w+/g)!.toSorted())
  const metrics = (await registry.getMetricsAsJSON()).map(({ name }) => name)
  expect(
    namedBy(guide, 'metric')
      .map((name) => name.replace(/\{.*/, ''))
      .toSorted(),
  ).toEqual(metrics.filter((name) => !/^(process|nodejs)_/.test(name)).toSorted())
})

test('whoever is woken finds the failure in the table', () => {
  const named = namedBy(guide, '`failure`')
  expect(Object.keys(errorTable)).toEqual(expect.arrayContaining(named))
  const waking = Object.entries(errorTable).filter(([, { level }]) => level === 'error')
  expect(named).toEqual(expect.arrayContaining(waking.map(([code]) => code)))
})

test('every setting that the guide names is one', () => {
  const settings = fileAt('config/production.example.env').matchAll(/^(?:# )?([A-Z][A-Z_]+)=/gm)
  const known = [...settings].map(([, name]) => name!.replace(/_FILE$/, ''))
  const named = namesIn(guide).flatMap((text) => /^([A-Z]+(?:_[A-Z]+)*)(?:=.*)?$/.exec(text)?.[1] ?? [])
  expect([...known, 'NAME_FILE']).toEqual(expect.arrayContaining(named))
  expect(named.length).toBeGreaterThan(10)
})
