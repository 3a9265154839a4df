/** VNeID, for the bench: the sandbox's simulator in a process of its own. */
import { openSimulator } from '../../src/sandbox/simulator/simulator.ts'
import { serve } from './measured.ts'

export interface SimulatorSettings {
  port: number
  clientId: string
  clientSecret: string
  redirectUris: string[]
}

serve(async ({ port, ...client }: SimulatorSettings) => {
  const simulator = await openSimulator({ port, clients: [client] })
  return { close: () => simulator.close() }
})
