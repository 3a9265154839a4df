/** Runs promtool, which checks rules and whether they fire. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** @returns the first line of its version, undefined if it is not installed */
export const findPromtool = (): Promise<string | undefined> =>
  run('promtool', ['--version']).then(
    ({ stdout, stderr }) => `${stdout}${stderr}`.split('\n')[0],
    () => undefined,
  )

/** @returns its error output; '' when it succeeds */
export const promtool = (...args: string[]): Promise<string> =>
  run('promtool', args).then(
    () => '',
    (error: { stdout?: string; stderr?: string }) => `${error.stdout}${error.stderr}`,
  )

export interface AlertCase {
  /** `metric{labels}` → values, as `promtool test rules` writes them. */
  readonly series: Readonly<Record<string, string>>
  /** When the alert is evaluated. */
  readonly at: string
  readonly fires: boolean
  /** Evaluation interval, the same in all cases of an alert; longer for cases that span days. */
  readonly every?: string
}

/**
 * Checks that each alert fires exactly in the cases in which it must.
 * @param rules rules of the file, by name; each is tested alone, which takes a tenth of the time
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
