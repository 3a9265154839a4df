/**
 * Private servers for tests and benchmarks: PostgreSQL and Redis from installed binaries, on free loopback ports, in a
 * new temporary folder. Each `start…` returns undefined if the binary is not installed.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface PrivateServer {
  readonly url: string
  /** Id of the server's main process, for measurements. */
  readonly pid?: number
  /** Stops only this server and removes its folder; may be called twice. */
  stop(): Promise<void>
}

export async function startPostgres(): Promise<PrivateServer | undefined> {
  const postgres = findBinary('postgres')
  const initdb = postgres === undefined ? undefined : join(dirname(postgres), 'initdb')
  if (postgres === undefined || initdb === undefined || !existsSync(initdb)) return undefined
  return retried(async () => {
    const owner = unprivileged()
    const folder = mkdtempSync(join(tmpdir(), 'broker-postgres-'))
    if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
    const data = join(folder, 'data')
    const options = { ...owner, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' } }
    await run(initdb, ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], options)
    const port = await freePort()
    const flags = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=200',
      'fsync=off',
      'synchronous_commit=off',
      'full_page_writes=off',
    ].flatMap((setting) => ['-c', setting])
    const child = spawn(postgres, ['-D', data, '-p', String(port), ...flags], options)
    // SIGQUIT is PostgreSQL's immediate shutdown, which neither waits for clients nor writes.
    const stop = keep(child, folder, 'SIGQUIT')
    await saying(child, 'ready to accept connections', stop)
    return { url: `postgres://postgres@127.0.0.1:${port}/postgres`, stop, ...pidOf(child) }
  })
}

export async function startRedis(...options: string[]): Promise<PrivateServer | undefined> {
  const redis = findBinary('redis-server')
  if (redis === undefined) return undefined
  return retried(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'broker-redis-'))
    const port = await freePort()
    const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder]
    const child = spawn(redis, [...place, '--save', '', '--appendonly', 'no', ...options])
    const stop = keep(child, folder, 'SIGTERM')
    await saying(child, 'eady to accept connections', stop)
    return { url: `redis://127.0.0.1:${port}`, stop, ...pidOf(child) }
  })
}

/** One master and one sentinel, which is enough for discovery of the master. */
export async function startRedisSentinel(): Promise<PrivateServer | undefined> {
  const redis = findBinary('redis-server')
  const master = await startRedis()
  if (redis === undefined || master === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'broker-sentinel-'))
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  writeFileSync(file, `sentinel monitor mymaster 127.0.0.1 ${new URL(master.url).port} 1\n`)
  const child = spawn(redis, [
    file,
    '--sentinel',
    '--bind',
    '127.0.0.1',
    '--port',
    String(port),
    '--dir',
    folder,
  ])
  const end = keep(child, folder, 'SIGTERM')
  const stop = async () => void (await Promise.all([end(), master.stop()]))
  await saying(child, '+monitor master', stop)
  return { url: `redis-sentinel://127.0.0.1:${port}/mymaster`, stop }
}

/** Three masters, no replicas. */
export async function startRedisCluster(): Promise<PrivateServer | undefined> {
  const cli = findBinary('redis-cli')
  if (cli === undefined) return undefined
  const started = await Promise.all([1, 2, 3].map(() => startRedis('--cluster-enabled', 'yes')))
  const nodes = started.filter((node) => node !== undefined)
  if (nodes.length < 3) return undefined
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop())))
  try {
    const hosts = nodes.map((node) => new URL(node.url).host)
    await run(cli, ['--cluster', 'create', ...hosts, '--cluster-yes'])
    await Promise.all(hosts.map((host) => clusterReady(cli, host)))
    return { url: `redis-cluster://${hosts.join(',')}`, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function clusterReady(cli: string, host: string): Promise<void> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const { stdout } = await run(cli, ['-u', `redis://${host}`, 'cluster', 'info'])
    if (stdout.includes('cluster_state:ok')) return
    if (Date.now() > deadline) throw new Error(`Redis Cluster: ${host} is not ready after 15 s`)
    await sleep(50)
  }
}

const live = new Set<{ end(): void; remove(): void }>()
// The last resort, if the run fails or is interrupted before `stop()` is called.
process.once('exit', () => {
  if (live.size === 0) return
  for (const { end } of live) end()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300) // they still write while they end
  for (const { remove } of live) remove()
})

function keep(child: ChildProcess, folder: string, signal: NodeJS.Signals): () => Promise<void> {
  const server = {
    end: () => child.kill(signal),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  }
  live.add(server)
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  return async () => {
    server.end()
    const forced = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await exited
    clearTimeout(forced)
    live.delete(server)
    server.remove()
  }
}

/** Waits for the server's message that it is ready. @throws Error when it exits or does not print it in time */
async function saying(child: ChildProcess, words: string, stop: () => Promise<void>): Promise<void> {
  let said = ''
  const ready = new Promise<boolean>((resolve) => {
    const collect = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4_000)
      if (said.includes(words)) resolve(true)
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    child.once('exit', () => resolve(false))
    child.once('error', (error) => {
      said += error.message
      resolve(false)
    })
    setTimeout(() => resolve(false), 20_000).unref()
  })
  if (await ready) return
  await stop()
  throw new Error(`${child.spawnfile} did not start:\n${said}`)
}

/** A port found free may be taken before the server binds it. */
async function retried<T>(start: () => Promise<T>, attempts = 3): Promise<T> {
  try {
    return await start()
  } catch (error) {
    if (attempts === 1) throw error
    return retried(start, attempts - 1)
  }
}

/**
 * Finds a port that is free together with the port 10,000 above it, which a Redis Cluster node uses as its bus. Ports
 * are below the ephemeral range, so that no outgoing connection takes one before the server does.
 */
export async function freePort(): Promise<number> {
  const port = randomInt(12_000, 22_000)
  const free = await Promise.all([bind(port), bind(port + 10_000)]).catch(() => undefined)
  return free === undefined ? freePort() : port
}

function bind(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

/** Also looks where Debian installs PostgreSQL's servers, outside of PATH. */
export function findBinary(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const debian = globSync('/usr/lib/postgresql/*/bin').toSorted((a, b) =>
    b.localeCompare(a, 'en', { numeric: true }),
  )
  return [...debian, ...folders].map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string, user: string) => Number(execFileSync('id', [flag, user], { stdio: 'pipe' }))
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: id('-u', user), gid: id('-g', user) }
    } catch {
      continue
    }
  }
  return undefined
}

function pidOf(child: ChildProcess): { pid?: number } {
  return child.pid === undefined ? {} : { pid: child.pid }
}
