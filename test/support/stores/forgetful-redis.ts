/** A way to Redis that loses answers: Redis has executed the command, and the connection breaks before its answer arrives. */
import { once } from 'node:events'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'

export interface ForgetfulRedis {
  /** The address of Redis on this way. */
  readonly url: string
  /** Loses the answer that comes after `passed` others. */
  lose(passed?: number): void
  /** Answers lost so far. */
  readonly lost: number
  close(): void
}

export async function openForgetfulRedis(redisUrl: string): Promise<ForgetfulRedis> {
  const target = new URL(redisUrl)
  const sockets = new Set<Socket>()
  let remaining: number | undefined
  let lost = 0
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => (sockets.delete(socket), near.destroy(), far.destroy()))
    }
    near.on('data', (sent) => far.write(sent))
    far.on('data', (answer) => {
      if (remaining === 0) {
        remaining = undefined
        lost++
        near.destroy()
        far.destroy()
        return
      }
      if (remaining !== undefined) remaining--
      near.write(answer)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(redisUrl)
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    lose(passed = 0) {
      remaining = passed
    },
    get lost() {
      return lost
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
