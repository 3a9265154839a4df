/** Alerts and the dashboard query metrics that a running broker exports, and each alert fires when it should. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import { registry } from '../../src/telemetry/metrics.ts'
import { alertCases } from '../support/operation/alert-cases.ts'
import { namesIn, readGuide, tableOf } from '../support/docs/guide.ts'
import { exposedBy, tour } from '../support/operation/metrics-tour.ts'
import { readPromql } from '../support/operation/promql.ts'
import { promtool, testAlerts } from '../support/operation/promtool.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}
interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[]
}

const pathOf = (file: string) => fileURLToPath(new URL(`../../config/${file}`, import.meta.url))
const rulesFile = pathOf('prometheus/alerts.yml')
const { groups } = parse(readFileSync(rulesFile, 'utf8')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const dashboard = JSON.parse(readFileSync(pathOf('grafana/dashboard.json'), 'utf8')) as { panels: Panel[] }
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
const targets = panels.flatMap(({ title, targets: asked = [] }) =>
  asked.map(({ expr }) => [title, expr] as const),
)
const guide = readGuide('runbooks.md')

/** By metric: the labels of each series that the broker exported. */
let exposed: Awaited<ReturnType<typeof exposedBy>>
beforeAll(async () => {
  exposed = exposedBy(await tour())
}, 120_000)

/** Labels that Prometheus adds when it scrapes. */
const added = ['instance', 'job', 'le']
const labelsOf = (name: string): string[] => {
  const base = [name, name.replace(/_(bucket|sum|count)$/, '')].find((one) => registry.getSingleMetric(one))
  const { labelNames = [] } = (registry.getSingleMetric(base ?? '') ?? {}) as { labelNames?: string[] }
  return [...labelNames, ...added]
}
/** Faults of an expression: metrics and labels that the broker does not have, values that it never exports. */
function faultsOf(expression: string): string[] {
  const { metrics, grouping } = readPromql(expression)
  const known = metrics.filter(({ name }) => name !== 'up' && name !== 'ALERTS')
  const groupable = known.flatMap(({ name }) => labelsOf(name))
  return [
    ...grouping.filter((label) => !groupable.includes(label)),
    ...known.flatMap(({ name, labels }) => {
      const series = exposed.get(name)
      if (series === undefined) return [name]
      return labels
        .filter((label) => !added.includes(label.name))
        .flatMap(({ name: label, op, value }) => {
          if (!labelsOf(name).includes(label)) return [`${name}{${label}}`]
          // A pattern such as 5.. is not a list of values.
          if (!/^[\w|]*$/.test(value)) return []
          const told = new Set(series.map((one) => one[label]))
          const wanted = op.endsWith('~') ? value.split('|') : [value]
          return wanted.filter((one) => !told.has(one)).map((one) => `${name}{${label}="${one}"}`)
        })
    }),
  ]
}

test('a renamed metric, label or value is detected', () => {
  expect(faultsOf('sum by (color) (logins_totall{outcome="completed"})')).toEqual(['color', 'logins_totall'])
  expect(faultsOf('logins_total{kind="x"} or logins_total{outcome="done"}')).toEqual([
    'logins_total{kind}',
    'logins_total{outcome="done"}',
  ])
  expect(() => faultsOf('sum by (')).toThrow('not PromQL')
})

const faulty = (asked: readonly (readonly [who: string, expr: string])[]) =>
  asked.map(([who, expr]) => ({ who, faults: faultsOf(expr) })).filter(({ faults }) => faults.length > 0)

test('the alerts query metrics, labels and values that the broker exports', () => {
  expect(rules.length).toBeGreaterThan(25)
  expect(faulty(rules.map(({ alert, expr }) => [alert, expr]))).toEqual([])
})

test('the panels of the dashboard query metrics, labels and values that the broker exports', () => {
  expect(targets.length).toBeGreaterThan(40)
  expect(faulty(targets)).toEqual([])
})

test('the expressions in the runbooks query metrics, labels and values that the broker exports', () => {
  const printed = namesIn(guide).filter((text) => text.startsWith('sum by '))
  expect(printed.length).toBeGreaterThan(4)
  expect(faulty(printed.map((expression) => ['runbooks.md', expression] as const))).toEqual([])
})

test('every alert has a severity, a description of the problem, and a runbook with the remedy', () => {
  const runbooks = [...guide.matchAll(/^## (\w+)\n\n([^#]+)/gm)]
  expect(runbooks.map(([, name]) => name!).toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted())
  for (const { alert, labels, annotations } of rules) {
    expect(['page', 'ticket']).toContain(labels['severity'])
    expect(annotations['summary']).not.toBe(undefined)
    expect(annotations['runbook_url']).toBe(`docs/runbooks.md#${alert.toLowerCase()}`)
    const [, , text = ''] = runbooks.find(([, name]) => name === alert) ?? []
    const parts = text.match(/\*\*[A-Z]\w+\*\*|\*\*do\*\*/g)?.map((part) => part.slice(2, -2).toLowerCase())
    expect({ alert, parts }).toEqual({ alert, parts: ['means', 'citizens', 'look', 'do'] })
  }
})

test('the dashboard can be imported anywhere: its own ids, a data source as input, a row for each face', () => {
  const ids = dashboard.panels.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual([
    'Citizens',
    'Portals',
    'VNeID',
    'Stores',
    'Nodes',
    'Keys and audit',
    'Mapping',
  ])
  for (const { title, datasource, targets: asked = [] } of panels) {
    const letters = asked.map(({ refId }) => refId)
    expect({ title, uid: datasource?.uid, letters }).toEqual({
      title,
      uid: '${datasource}',
      letters: ['A', 'B', 'C', 'D'].slice(0, Math.max(1, asked.length)),
    })
  }
})

test('every metric of ours is in a panel or an alert', () => {
  const asked = new Set(
    [...rules.map(({ expr }) => expr), ...targets.map(([, expr]) => expr)].flatMap((expr) =>
      readPromql(expr).metrics.map(({ name }) => name.replace(/_(bucket|sum|count)$/, '')),
    ),
  )
  const ours = tableOf(readGuide('operate/metrics.md'), 'metric').flatMap(
    ([names = '']) => names.match(/[a-z_]{6,}(?=[{`])/g) ?? [],
  )
  expect(ours.length).toBeGreaterThan(25)
  expect(ours.filter((name) => !asked.has(name))).toEqual([])
})

test('each alert has cases, some in which it fires and some in which it does not', () => {
  expect(Object.keys(alertCases).toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted())
  for (const [alert, cases] of Object.entries(alertCases)) {
    expect({ alert, fires: new Set(cases.map(({ fires }) => fires)).size }).toEqual({ alert, fires: 2 })
    // The series are real ones, by name and label.
    for (const series of cases.flatMap((one) => Object.keys(one.series))) {
      if (series.startsWith('up{')) continue
      const { metrics } = readPromql(series)
      const { name, labels } = metrics[0]!
      const unknown = labels.filter((label) => !labelsOf(name).includes(label.name))
      expect({ series, isThere: exposed.has(name), unknown }).toEqual({ series, isThere: true, unknown: [] })
    }
  }
})

test.skipIf(inject('promtool') === undefined)('promtool takes the rules', async () => {
  expect(await promtool('check', 'rules', rulesFile)).toBe('')
  expect(
    await promtool('check', 'config', '--syntax-only', pathOf('prometheus/prometheus.example.yml')),
  ).toBe('')
})

test.skipIf(inject('promtool') === undefined)(
  'each alert fires in its cases and does not fire in the others',
  async () => {
    const byName = Object.fromEntries(rules.map((rule) => [rule.alert, rule]))
    expect(await testAlerts(byName, alertCases)).toBe('')
    // A test that cannot fail would always pass.
    const [first] = alertCases['LoginFailures']!
    const turned = { LoginFailures: [{ ...first!, fires: false }] }
    expect(await testAlerts(byName, turned)).toContain('FAILED')
  },
  120_000,
)
