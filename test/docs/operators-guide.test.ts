/** The operators' guide names every role, reason, metric and setting that exists, and no other. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { roles } from '../../src/vocabulary.ts'
import { errorTable } from '../../src/errors.ts'
import { registry } from '../../src/telemetry/metrics.ts'
import { namedBy, namesIn, readOperatorsGuide } from '../support/docs/guide.ts'

const guide = readOperatorsGuide()
const fileAt = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('the guide names every role, every reason for a case and every metric, and no other', async () => {
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

test('the guide names every failure that alerts an operator, and each is in the table of errors', () => {
  const named = namedBy(guide, '`failure`')
  expect(Object.keys(errorTable)).toEqual(expect.arrayContaining(named))
  const waking = Object.entries(errorTable).filter(([, { level }]) => level === 'error')
  expect(named).toEqual(expect.arrayContaining(waking.map(([code]) => code)))
})

test('every setting that the guide names exists', () => {
  const settings = fileAt('config/production.example.env').matchAll(/^(?:# )?([A-Z][A-Z_]+)=/gm)
  const known = [...settings].map(([, name]) => name!.replace(/_FILE$/, ''))
  const ofTheCommandLine = ['ADMIN_URL', 'OPERATOR_KEY_FILE', 'OPERATOR_SESSION_FILE']
  for (const name of ofTheCommandLine) expect(fileAt('src/config/config.ts')).toContain(name)
  const named = namesIn(guide).flatMap((text) => /^([A-Z]+(?:_[A-Z]+)*)(?:=.*)?$/.exec(text)?.[1] ?? [])
  expect([...known, ...ofTheCommandLine, 'NAME_FILE']).toEqual(expect.arrayContaining(named))
  expect(named.length).toBeGreaterThan(10)
})
