/** Runs printed commands as a story: each as it is printed, with values from a fixture in place of placeholders. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { openOffice } from '../operators/officers.ts'
import { findBinary } from '../private-servers.ts'
import { recordSecrets } from '../record.ts'
import { type OperatorFiles, openOperatorFiles } from './operator-files.ts'

const root = new URL('../../..', import.meta.url).pathname

export interface Stage extends OperatorFiles {
  readonly office: Awaited<ReturnType<typeof openOffice>>
  /** The value of a placeholder or of a file's name. */
  readonly facts: Record<string, string>
}

/** `before` prepares a command; `after` reads values that later commands need. */
type Prepare = (stage: Stage) => unknown
export type Take = (output: string, stage: Stage) => unknown

export interface Step {
  /** The command as printed. */
  readonly line: string
  /** The command that is run if it must differ by more than placeholders: addresses, ports, folders. */
  readonly runs?: (stage: Stage) => string
  /** The environment: of an operator with all roles, of a second one, of a person without a key, of the broker, of a new broker. */
  readonly by?: 'one' | 'two' | 'person' | 'broker' | 'new broker'
  readonly before?: Prepare
  readonly input?: (stage: Stage) => string
  /** The person's steps in a browser, while the command waits. */
  readonly meanwhile?: (printed: string, stage: Stage) => Promise<unknown>
  readonly prints: RegExp
  /** The expected exit code, if the document names one; otherwise 0. */
  readonly exits?: number
  readonly after?: Take
}

export async function openStage(): Promise<Stage> {
  const office = await openOffice()
  return { office, facts: {}, ...(await openOperatorFiles(office.world)) }
}

/** With `--reason …` and the like: a word, or a day. */
const given: Readonly<Record<string, string>> = {
  '--reason': 'because',
  '--evidence': 'papers',
  '--from': '2026-01-01',
  '--to': '2026-01-31',
}

function fill(line: string, facts: Readonly<Record<string, string>>): string {
  const words = line.split(' ')
  const filled = words.map((word, at) => (word === '…' ? given[words[at - 1]!] : facts[word]) ?? word)
  // A fact itself may look like a placeholder: a reference can consist of capitals.
  const left = words.filter(
    (word, at) => filled[at] === word && (word.includes('…') || /^[A-Z]{2,}$/.test(word)),
  )
  expect({ line, left }).toEqual({ line, left: [] })
  return filled.join(' ')
}

export async function play(step: Step, stage: Stage): Promise<void> {
  await step.before?.(stage)
  const line = step.runs?.(stage) ?? fill(step.line, stage.facts)
  const { code, out } = await run(line, step, stage)
  recordSecrets([...out.matchAll(/shown this once: (\S+)/g)].map(([, secret]) => secret))
  const [, keyFile] = / --key (\S+\.key)$/.exec(line) ?? []
  if (keyFile !== undefined && code === 0)
    recordSecrets([
      (JSON.parse(readFileSync(join(stage.folder, keyFile), 'utf8')) as { key: { d?: string } }).key.d,
    ])
  expect({ line: step.line, code, out }).toEqual({
    line: step.line,
    code: step.exits ?? 0,
    out: expect.stringMatching(step.prints) as string,
  })
  await step.after?.(out, stage)
}

/** Runs `npm run cli --` directly; everything else in the shell. */
function run(line: string, { by = 'one', input, meanwhile }: Step, stage: Stage) {
  const [, words] = /^npm run cli -- (.+)$/.exec(line) ?? []
  const [file, args] =
    words === undefined
      ? ['bash', ['--norc', '-e', '-o', 'pipefail', '-c', line]]
      : [process.execPath, [join(root, 'src/cli/main.ts'), ...words.split(' ')]]
  const binaries = [findBinary('postgres'), findBinary('redis-cli')].flatMap((path) => path ?? [])
  const PATH = [join(root, 'node_modules/.bin'), process.env.PATH, ...binaries.map(dirname)].join(':')
  const env = { ...stage.environmentOf(by), PATH }
  const cwd = words === undefined && line.startsWith('npm ') ? root : stage.folder
  return new Promise<{ code: number; out: string }>((resolve, reject) => {
    const child = execFile(file, args, { env, cwd, encoding: 'utf8' }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), out: `${stdout}${stderr}` }),
    )
    child.once('error', reject)
    child.stdin!.end(input?.(stage) ?? '')
    let printed = ''
    child.stdout!.on('data', (text: string) => {
      printed += text
      void meanwhile?.(printed, stage).catch(reject)
    })
  })
}
