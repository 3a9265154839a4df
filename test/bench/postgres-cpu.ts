/** PostgreSQL's CPU time from /proc: its main process and all its children, including ended ones. */
import { readFileSync } from 'node:fs'

/** Of the clock in /proc/PID/stat, on every Linux. */
const ticksPerSecond = 100

/** @returns milliseconds of user and system time since the server began */
export function cpuOfServer(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  const living = children.map((child) => ticksOf(child).own)
  const { own, ended } = ticksOf(String(pid))
  return ((living.reduce((sum, ticks) => sum + ticks, 0) + own + ended) * 1000) / ticksPerSecond
}

/** proc_pid_stat(5): utime, stime, cutime, cstime; nothing of a process that has just ended. */
function ticksOf(pid: string): { own: number; ended: number } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').map(Number)
    const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15)
    return { own: user + system, ended: endedUser + endedSystem }
  } catch {
    return { own: 0, ended: 0 }
  }
}
