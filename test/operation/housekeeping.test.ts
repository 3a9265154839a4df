/** The chores of a node run soon after its start and then hourly. A failed chore does not stop the others. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startHousekeeping } from '../../src/housekeeping.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { registry } from '../../src/telemetry/metrics.ts'

const minute = 60_000
const log = createLog({ level: 'silent' })
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const failed = async () => {
  const { values } = (await registry.getSingleMetric('housekeeping_failed_total')!.get()) as {
    values: readonly { labels: { chore?: string }; value: number }[]
  }
  return Object.fromEntries(values.map(({ labels, value }) => [labels.chore, value]))
}

test('a node runs urgent chores at once, all chores within two minutes of its start, and then every hour', async () => {
  const done: string[] = []
  const chores = {
    brokenDoor: () => Promise.reject(new Error('stuck')),
    fire: async () => void done.push('fire'),
    floor: async () => void done.push('floor'),
  }
  const end = startHousekeeping({ chores, urgent: ['fire'], log })
  expect(await failed()).toMatchObject({ brokenDoor: 0, floor: 0 })
  await vi.advanceTimersByTimeAsync(minute - 1)
  expect(done).toEqual(['fire'])
  await vi.advanceTimersByTimeAsync(minute + 1)
  expect(done).toEqual(['fire', 'fire', 'floor'])
  expect(await failed()).toMatchObject({ brokenDoor: 1, floor: 0 })
  await vi.advanceTimersByTimeAsync(60 * minute)
  expect(done.filter((chore) => chore === 'floor')).toHaveLength(2)
  expect(await failed()).toMatchObject({ brokenDoor: 2, floor: 0 })
  await end()
  await vi.advanceTimersByTimeAsync(120 * minute)
  expect(done.filter((chore) => chore === 'floor')).toHaveLength(2)
})

test('a node that is stopping starts no further chore, and waits for the running one', async () => {
  const { promise: swept, resolve: sweep } = Promise.withResolvers<void>()
  const done: string[] = []
  const chores = { last: () => swept, next: async () => void done.push('next') }
  const end = startHousekeeping({ chores, log })
  await vi.advanceTimersByTimeAsync(3 * minute)
  const ended = end().then(() => done.push('ended'))
  await vi.advanceTimersByTimeAsync(minute)
  expect(done).toEqual([])
  sweep()
  await ended
  expect(done).toEqual(['ended'])
})
