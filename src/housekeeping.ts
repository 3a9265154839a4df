/** What every node does by itself, soon after its start and then every hour; whoever comes second finds it done. */
import type { Log } from './telemetry/log.ts'
import { housekeepingFailures } from './telemetry/metrics.ts'

const minute = 60_000

/**
 * One after the other; what fails is tried again within the hour.
 * @param urgent chores that are done at once as well
 * @param soon milliseconds until the first time: the node has settled, and nodes that start together do not begin together
 * @returns how to end it: resolves when the chore under way is done
 */
export function keepHouse<Chore extends string>({
  chores,
  urgent = [],
  log,
  soon = minute * (1 + Math.random()),
}: {
  chores: Readonly<Record<Chore, () => Promise<unknown>>>
  urgent?: readonly NoInfer<Chore>[]
  log: Log
  soon?: number
}): () => Promise<void> {
  const all = Object.keys(chores) as Chore[]
  let isOver = false
  async function keep(some: readonly Chore[]): Promise<void> {
    for (const chore of some) {
      if (isOver) return
      await chores[chore]().catch((error: unknown) => {
        housekeepingFailures.inc({ chore })
        log.warn({ event: 'housekeeping.failed', chore, err: error })
      })
    }
  }
  // A counter begins at 0.
  for (const chore of all) housekeepingFailures.inc({ chore }, 0)
  let last = keep(urgent)
  const keepNext = () => void (last = last.then(() => keep(all)))
  const first = setTimeout(keepNext, soon).unref()
  const hourly = setInterval(keepNext, 60 * minute).unref()
  return () => {
    isOver = true
    clearTimeout(first)
    clearInterval(hourly)
    return last
  }
}
