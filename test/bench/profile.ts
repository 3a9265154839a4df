/** Prints the self time of each function in a CPU profile of the broker. */
import { writeFileSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Contestant, warmUp } from './measure.ts'

type Frame = Profiler.ProfileNode['callFrame']

export async function profile(contestant: Contestant, logins: number): Promise<void> {
  await contestant.child.ask('profile')
  await warmUp(contestant, logins)
  const taken = await contestant.child.ask<Profiler.Profile>('profiled')
  const file = join(tmpdir(), `bench-${contestant.name}-${process.pid}.cpuprofile`)
  writeFileSync(file, JSON.stringify(taken))

  const byFunction = new Map<string, number>()
  const byPlace = new Map<string, number>()
  const byCaller = new Map<string, number>()
  const nodes = new Map(taken.nodes.map((node) => [node.id, node]))
  const callers = new Map(
    taken.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  )
  /** The nearest frame outside of Node, which caused the work. */
  const callerOf = (id: number | undefined): Frame | undefined => {
    for (let at = id; at !== undefined; at = callers.get(at)) {
      const frame = nodes.get(at)?.callFrame
      if (frame !== undefined && frame.url !== '' && !frame.url.startsWith('node:')) return frame
    }
    return undefined
  }
  let busy = 0
  for (const [index, id] of (taken.samples ?? []).entries()) {
    const frame = nodes.get(id)?.callFrame
    if (frame === undefined || frame.functionName === '(idle)' || frame.url === 'node:inspector') continue
    const ms = (taken.timeDeltas?.[index] ?? 0) / 1000
    busy += ms
    const caller = callerOf(id) ?? frame
    add(byFunction, nameOf(frame), ms)
    add(byCaller, nameOf(caller), ms)
    add(byPlace, placeOf(caller), ms)
  }
  console.log(
    `\nProfile of ${contestant.name}, ${logins} logins, ${(busy / logins).toFixed(2)} ms each on the main thread: ${file}`,
  )
  print('self time by function', byFunction, 25)
  print("by the function that asked for it (Node's own work counted to its caller)", byCaller, 25)
  print('by place that asked for it', byPlace, 20)

  function print(title: string, times: Map<string, number>, most: number): void {
    console.log(`  ${title}`)
    for (const [name, ms] of [...times].toSorted((a, b) => b[1] - a[1]).slice(0, most)) {
      const share = ((ms / busy) * 100).toFixed(1).padStart(6)
      console.log(`  ${share} %${(ms / logins).toFixed(3).padStart(8)} ms  ${name}`)
    }
  }
}

function add(times: Map<string, number>, name: string, ms: number): void {
  times.set(name, (times.get(name) ?? 0) + ms)
}

const pathOf = (url: string) =>
  url.replace(/^.*?\/(node_modules|src|test)\//, (_, root: string) =>
    root === 'node_modules' ? '' : `${root}/`,
  )

function nameOf({ functionName, url, lineNumber }: Frame): string {
  return `${functionName || '(anonymous)'}  ${url === '' ? '' : `${pathOf(url)}:${lineNumber + 1}`}`
}

/** Our files one by one, packages as wholes. */
function placeOf({ functionName, url }: Frame): string {
  const path = pathOf(url)
  if (path === '' || path.startsWith('node:')) return functionName.startsWith('(') ? functionName : 'node'
  if (/^(src|test)\//.test(path)) return path
  return path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/')
}
