/** Stores a person's sign-in in a private file, which only one command at a time may renew. */
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

/** Milliseconds after which a lock counts as abandoned: no holder needs it that long. */
const staleLock = 20_000

const stored = z.object({
  issuer: z.string(),
  access_token: z.string(),
  refresh_token: z.string(),
  /** Seconds since the epoch. */
  expires_at: z.number(),
})
export type Session = z.output<typeof stored>

/** @returns undefined if there is no readable file */
export async function readSession(file: string): Promise<Session | undefined> {
  try {
    return stored.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}

/** Writes the file atomically, readable only by its owner. */
export async function writeSession(file: string, session: Session): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(`${file}.new`, JSON.stringify(session), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** Waits until no other command holds the file's lock. */
export async function whileLocked<T>(file: string, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`
  while (!(await hold(lock))) await sleep(100)
  try {
    return await work()
  } finally {
    await rm(lock, { force: true })
  }
}

/** @returns whether this process now holds the lock */
async function hold(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close()
    return true
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error
    const age = Date.now() - ((await stat(lock).catch(() => undefined))?.mtimeMs ?? Date.now())
    if (age > staleLock) await rm(lock, { force: true })
    return false
  }
}
