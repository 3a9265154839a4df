/** A portal's back channel on loopback: stores what was posted to each path, and serves documents. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { atEnd } from '../at-end.ts'

export interface Listener {
  readonly url: string
  /** Bodies by path, oldest first; a GET leaves an empty one. */
  received(path: string): string[]
  serve(path: string, document: object): void
}

export async function openListener(): Promise<Listener> {
  const bodies = new Map<string, string[]>()
  const documents = new Map<string, string>()
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? ''
    bodies.set(path, [...(bodies.get(path) ?? []), await text(request)])
    response.setHeader('content-type', 'application/json')
    response.end(documents.get(path) ?? '')
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  atEnd(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: (path) => bodies.get(path) ?? [],
    serve: (path, document) => void documents.set(path, JSON.stringify(document)),
  }
}
