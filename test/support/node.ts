/** Another node on a world's stores, in the test's own process: cheaper to start than a process of its own. */
import { loadConfig } from '../../src/config/config.ts'
import { type Broker, start } from '../../src/main.ts'
import type { Periods } from '../../src/parts.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { atEnd } from './at-end.ts'
import { openRecord } from './record.ts'

/** @param changes settings in which this node differs from the world's own */
export async function openNode(
  settings: Readonly<Record<string, string>>,
  { changes = {}, periods = {} }: { changes?: Record<string, string>; periods?: Periods } = {},
): Promise<Broker> {
  const log = createLog({ level: 'debug', destination: { write: openRecord('log') } })
  const node = await start(loadConfig({ ...settings, PORT: '0', ...changes }), log, { periods })
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= node.stop())
  atEnd(stop)
  return { ...node, stop }
}
