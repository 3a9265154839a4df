/** Prometheus' own tool: it knows best what a rule is, and whether it fires. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** @returns its answer where it is installed */
export const findPromtool = (): Promise<string | undefined> =>
  run('promtool', ['--version']).then(
    ({ stdout, stderr }) => `${stdout}${stderr}`.split('\n')[0],
    () => undefined,
  )

/** @returns what it has to say; '' where all is well */
export const promtool = (...args: string[]): Promise<string> =>
  run('promtool', args).then(
    () => '',
    (error: { stdout?: string; stderr?: string }) => `${error.stdout}${error.stderr}`,
  )

export interface AlertCase {
  /** `metric{labels}` → values, as `promtool test rules` writes them. */
  readonly series: Readonly<Record<string, string>>
  /** When the alert is looked at. */
  readonly at: string
  readonly fires: boolean
  /** How often the rule is looked at, the same in all cases of an alert; long stories want it seldom. */
  readonly every?: string
}

/**
 * Whether each alert fires when it should and keeps quiet when it should.
 * @param rules by name, as they stand in the rules' file; each is looked at alone, which takes a tenth of the time
 */
export async function testAlerts(
  rules: Readonly<Record<string, object>>,
  cases: Readonly<Record<string, readonly AlertCase[]>>,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'alerts-'))
  // JSON is YAML.
  const write = (name: string, content: object) => {
    const file = join(folder, name)
    writeFileSync(file, JSON.stringify(content))
    return file
  }
  try {
    const files = Object.entries(cases).map(([alert, some]) => {
      const rule = write(`${alert}.rules.yml`, { groups: [{ name: alert, rules: [rules[alert]] }] })
      return write(`${alert}.yml`, {
        rule_files: [rule],
        evaluation_interval: some[0]?.every ?? '1m',
        tests: some.map((one) => testOf(alert, one)),
      })
    })
    return await promtool('test', 'rules', ...files)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const testOf = (alert: string, { series, at, fires }: AlertCase) => ({
  interval: '1m',
  input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
  promql_expr_test: [
    {
      expr: `count(count by (alertname) (ALERTS{alertname="${alert}",alertstate="firing"}))`,
      eval_time: at,
      exp_samples: fires ? [{ labels: '{}', value: 1 }] : [],
    },
  ],
})
