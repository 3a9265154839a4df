/** The child's part of the bench: opens a contestant, then answers questions about its process over IPC. */
import { channel } from 'node:diagnostics_channel'
import { Session } from 'node:inspector/promises'

/** Totals since the process began. */
export interface Reading {
  /** User and system time of the whole process, every thread. */
  readonly cpuMs: number
  readonly requests: number
  readonly stateTrips: number
  readonly sqlTrips: number
  /** Bytes. `heap` is V8's own plus what buffers hold outside of it. */
  readonly rss: number
  readonly heap: number
}

export interface Opened {
  /** Round trips to the stores so far. */
  trips?(): Promise<{ readonly state: number; readonly sql: number }>
  close(): Promise<void>
}

export type Question = 'open' | 'read' | 'settle' | 'profile' | 'profiled' | 'close'

/** @param open called with the parent's options */
export function serve(open: (options: never) => Promise<Opened>): void {
  let opened: Opened | undefined
  let requests = 0
  channel('http.server.request.start').subscribe(() => void requests++)
  const inspector = new Session()

  const read = async (): Promise<Reading> => {
    const { user, system } = process.cpuUsage()
    const { rss, heapUsed, external } = process.memoryUsage()
    const trips = await opened?.trips?.()
    return {
      cpuMs: (user + system) / 1000,
      requests,
      stateTrips: trips?.state ?? 0,
      sqlTrips: trips?.sql ?? 0,
      rss,
      heap: heapUsed + external,
    }
  }
  const answers: Record<Question, (options: never) => Promise<unknown>> = {
    open: async (options) => void (opened = await open(options)),
    read,
    settle: () => {
      for (let round = 0; round < 3; round++) globalThis.gc?.()
      return read()
    },
    async profile() {
      inspector.connect()
      await inspector.post('Profiler.enable')
      await inspector.post('Profiler.setSamplingInterval', { interval: 200 })
      await inspector.post('Profiler.start')
    },
    async profiled() {
      const { profile } = await inspector.post('Profiler.stop')
      inspector.disconnect()
      return profile
    },
    close: () => opened?.close() ?? Promise.resolve(),
  }
  process.on('message', ({ question, options }: { question: Question; options: never }) => {
    answers[question](options).then(
      (answer) => process.send?.({ answer }),
      (error: Error) => process.send?.({ fault: error.stack ?? String(error) }),
    )
  })
  process.once('disconnect', () => process.exit())
}
