/** The broker in a process of its own, as in production, so that a test can kill it; and a proxy in front of it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { atEnd } from './at-end.ts'
import { openRecord } from './record.ts'

/** Node's compile cache, in its default folder, which halves the start time of the next broker. */
const compileCache = join(tmpdir(), 'node-compile-cache')
const freePorts = { PORT: '0', OPERATIONS_PORT: '0', ADMIN_PORT: '0' }

export interface BrokerProcess {
  readonly url: string
  readonly operationsUrl: string
  readonly adminUrl: string
  kill(signal: 'SIGKILL' | 'SIGTERM'): void
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
}

/** `node src/main.ts` on free ports. @throws Error with its output when it does not start */
export async function startBroker(settings: Readonly<Record<string, string>>): Promise<BrokerProcess> {
  const record = openRecord('log')
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: new URL('../..', import.meta.url),
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compileCache, ...settings, ...freePorts },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  atEnd(() => void child.kill('SIGKILL'))
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString()
    record(chunk.toString())
  })
  const started = new Promise<Record<string, string>>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      record(`${line}\n`)
      if (line.includes('"broker.started"')) resolve(JSON.parse(line) as Record<string, string>)
    })
  })
  const fault = ended.then(() => Promise.reject(new Error(`the broker did not start: ${complaint}`)))
  fault.catch(() => {})
  const { listen, operations, admin } = await Promise.race([started, fault])
  const kill = (signal: NodeJS.Signals) => void child.kill(signal)
  return { url: listen!, operationsUrl: operations!, adminUrl: admin!, kill, ended }
}

export interface Proxy {
  readonly url: string
  /** Sends requests to these targets in turn from now on. */
  to(...targets: string[]): void
  /** The target that answered each request. */
  readonly answered: string[]
}

/** Without sticky sessions: each request goes to the next broker. */
export async function openProxy(): Promise<Proxy> {
  let targets: string[] = []
  const answered: string[] = []
  // Longer than a restart takes, so that no client sends a request on a connection that we are closing.
  const server = createServer({ keepAliveTimeout: 300_000 }, (incoming, outgoing) => {
    const [target = 'http://127.0.0.1:9'] = targets
    targets.push(...targets.splice(0, 1))
    const { method = 'GET', url = '/', headers } = incoming
    const onward = request(`${target}${url}`, { method, headers, agent: false }, (response) => {
      answered.push(target)
      const { connection: _, 'keep-alive': __, ...end } = response.headers
      outgoing.writeHead(response.statusCode ?? 502, end)
      response.pipe(outgoing)
    })
    onward.on('error', () => outgoing.writeHead(502).end())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  atEnd(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, to: (...given) => void (targets = given), answered }
}
