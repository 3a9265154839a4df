/** A way to Redis that loses answers: Redis has executed the command, and the connection breaks before its answer arrives. */
import { once } from 'node:events'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startRedis } from '../private-servers.ts'

export interface ForgetfulRedis {
  /** The address of Redis on this way. */
  readonly url: string
  /** Loses the answer that comes after `passed` others. */
  lose(passed?: number): void
  /** Answers lost so far. */
  readonly lost: number
  close(): Promise<void>
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
      return Promise.resolve()
    },
  }
}

/** A Cluster of one node that holds all slots and names the forgetful way as its own address. */
export async function openForgetfulCluster(): Promise<ForgetfulRedis> {
  const node = (await startRedis('--cluster-enabled', 'yes'))!
  const way = await openForgetfulRedis(node.url)
  const redis = new Redis(node.url)
  await redis.config('SET', 'cluster-announce-ip', '127.0.0.1')
  await redis.config('SET', 'cluster-announce-port', new URL(way.url).port)
  await redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  while (!String(await redis.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) await sleep(50)
  redis.disconnect()
  return {
    url: `redis-cluster://${new URL(way.url).host}`,
    lose: (passed) => way.lose(passed),
    get lost() {
      return way.lost
    },
    async close() {
      await way.close()
      await node.stop()
    },
  }
}
