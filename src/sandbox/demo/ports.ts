import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** The wanted port, or a free one if it is taken, which is printed; 0 takes any free port. */
export async function takePort({
  who,
  wanted,
  print,
}: {
  who: string
  wanted: number
  print: (line: string) => void
}): Promise<number> {
  if (wanted === 0) return anyPort()
  return probe(wanted).catch(async () => {
    const free = await anyPort()
    print(`Port ${wanted} is taken: ${who} listens on ${free} instead.`)
    return free
  })
}

/** A port below the system's ephemeral range, so that no outgoing connection takes it before we listen. */
const anyPort = (): Promise<number> => probe(randomInt(12_000, 32_000)).catch(anyPort)

function probe(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const { port: found } = server.address() as AddressInfo
      server.close(() => resolve(found))
    })
  })
}
