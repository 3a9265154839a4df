import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** The wanted port, or where it is taken (which is said) a free one; 0 wants any. */
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

/** Below the range that the system hands out by itself: no outgoing connection takes it before we listen. */
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
