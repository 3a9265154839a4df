/** Writes the usage from the commands' declarations. */
import type { Command, Commands, Option } from './command.ts'

const headings: Readonly<Record<Command['on'], string>> = {
  database: `commands on the broker's database; they read the broker's settings from the environment (docs/operate/start.md):`,
  issuer: 'sign-in of a person without a key, at ISSUER:',
  api: `commands of the admin API at ADMIN_URL (default: http://127.0.0.1:3002), with the key in OPERATOR_KEY_FILE or as the
person who has signed in:`,
}

/** All commands with their options. */
export function usageOfAll(commands: Commands): string {
  const parts = (['database', 'issuer', 'api'] as const).map((on) => {
    const lines = Object.entries(commands)
      .filter(([, command]) => command.on === on)
      .flatMap(([name, command]) => [line(callOf(name, command), command.about), ...optionLines(command)])
    return [headings[on], ...lines].join('\n')
  })
  return ['usage: npm run cli -- COMMAND', ...parts].join('\n\n')
}

/** One command with descriptions of its arguments. */
export function usageOf(name: string, command: Command): string {
  const args = Object.entries(command.args ?? {}).map(([arg, says]) => line(`  ${arg}`, says))
  const call = `usage: npm run cli -- ${callOf(name, command)}`
  return [call, command.about, ...args, ...optionLines(command)].join('\n')
}

const callOf = (name: string, { args = {} }: Command) => [name, ...Object.keys(args)].join(' ')
const line = (left: string, right: string) => `  ${left.padEnd(36)} ${right}`.trimEnd()

function optionLines({ options = {}, oneOf = [] }: Command): string[] {
  const all = Object.entries(options)
  const choice = all.filter(([name]) => oneOf.includes(name))
  return [
    ...all
      .filter((entry) => !choice.includes(entry))
      .map(([name, option]) =>
        line(option.isRequired ? `  ${written(name, option)}` : `  [${written(name, option)}]`, said(option)),
      ),
    ...(choice.length > 0 ? [line('  one of', '')] : []),
    ...choice.map(([name, option]) => line(`    ${written(name, option)}`, said(option))),
  ]
}

const written = (name: string, { placeholder }: Option) =>
  placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`
const said = ({ says, default: value }: Option) =>
  value === undefined ? says : `${says} (default: ${value})`
