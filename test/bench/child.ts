/** The parent's part: starts separate processes, each on its own CPU if there are two CPUs and taskset. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Question } from './measured.ts'

export interface Child {
  readonly pid: number
  ask<Answer = void>(question: Question, options?: object): Promise<Answer>
  close(): Promise<void>
}

/** Two CPUs that this process may use. Undefined: nothing is pinned. */
export const cpus: readonly [broker: number, rest: number] | undefined = twoCpus()

/** Keeps this process (or another), and the processes that it starts from now on, off the broker's CPU. */
export function stepAside(pid = process.pid): void {
  if (cpus !== undefined) spawnSync('taskset', ['-acp', String(cpus[1]), String(pid)])
}

/** @param alone on the broker's CPU; otherwise on the CPU of all others */
export async function launch(file: string, options: object, { alone }: { alone: boolean }): Promise<Child> {
  const node = [process.execPath, '--expose-gc', fileURLToPath(new URL(file, import.meta.url))]
  const [command = '', ...rest] = cpus ? ['taskset', '-c', String(cpus[alone ? 0 : 1]), ...node] : node
  // Standard output is /dev/null: log lines are formatted and written as in production.
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const exited = once(child, 'exit')
  const self: Child = {
    pid: child.pid ?? 0,
    async ask<Answer>(question: Question, what: object = {}) {
      child.send({ question, options: what })
      const gone = exited.then(() => [{ fault: `${file} ended` }])
      const [said] = (await Promise.race([once(child, 'message'), gone])) as [
        { answer: Answer; fault?: string },
      ]
      if (said.fault !== undefined) throw new Error(`${file}: ${question}: ${said.fault}`)
      return said.answer
    },
    async close() {
      if (child.connected) await self.ask('close').catch(() => {})
      if (child.connected) child.disconnect()
      await exited
    },
  }
  try {
    await self.ask('open', options)
  } catch (error) {
    await self.close()
    throw error
  }
  return self
}

/** Counts instructions of a process from now until the returned function is called; undefined if perf cannot count. */
export async function countInstructions(pid: number): Promise<() => Promise<number | undefined>> {
  if (!perfCounts) return () => Promise.resolve(undefined)
  const perf = spawn('perf', ['stat', '-x,', '-e', events, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  perf.stderr.setEncoding('utf8').on('data', (text: string) => void (said += text))
  await new Promise((resolve) => setTimeout(resolve, 300)) // perf does not report when it has attached
  return async () => {
    const closed = once(perf, 'close')
    perf.kill('SIGINT')
    await closed
    return sumOf(said)
  }
}

const events = 'instructions:u,instructions:k'
const perfCounts =
  sumOf(spawnSync('perf', ['stat', '-x,', '-e', events, 'true'], { encoding: 'utf8' }).stderr) !== undefined

/** Lines of `perf stat -x,`: value,unit,event,… where the value may be `<not supported>`. */
function sumOf(lines: string | null): number | undefined {
  const values = [...(lines ?? '').matchAll(/^(\d+),[^,]*,instructions/gm)].map(([, value]) => Number(value))
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value)
}

function twoCpus(): readonly [number, number] | undefined {
  if (spawnSync('taskset', ['-V']).status !== 0) return undefined
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  const [first, second] = list.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
  return first === undefined || second === undefined ? undefined : [first, second]
}
