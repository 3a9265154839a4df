/** A way to a server that a test can close, as if the server were away: connections break, and new ones are refused. */
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import { atEnd } from '../at-end.ts'

export interface Gate {
  /** The server's URL, through the gate. */
  readonly url: string
  /** Breaks every connection, and every new one. */
  close(): void
  open(): void
}

export async function openGate(serverUrl: string): Promise<Gate> {
  const url = new URL(serverUrl)
  const { hostname, port } = url
  const sockets = new Set<Socket>()
  let isOpen = true
  const server = createServer((near) => {
    near.on('error', () => {})
    if (!isOpen) {
      near.destroy()
      return
    }
    const far = connect(Number(port), hostname)
    far.on('error', () => {})
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const breakAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  atEnd(() => {
    breakAll()
    server.close()
  })
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    close() {
      isOpen = false
      breakAll()
    },
    open: () => void (isOpen = true),
  }
}
