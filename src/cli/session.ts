/** A person's sign-in from a terminal: the device flow (RFC 8628) at the issuer, and its tokens in a file of the person's own. */
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { deviceGrant } from '../oidc/console.ts'
import { consoleId, consoleScope } from '../operators/console.ts'
import { Told } from './told.ts'

/** Seconds before its end at which an access token is renewed. */
const margin = 30
/** Milliseconds that a lock may be old: nothing that holds it takes as long. */
const staleLock = 20_000

const stored = z.object({
  issuer: z.string(),
  access_token: z.string(),
  refresh_token: z.string(),
  /** Seconds since the epoch. */
  expires_at: z.number(),
})
type Session = z.output<typeof stored>

const endpoints = z.object({
  issuer: z.string(),
  token_endpoint: z.url(),
  device_authorization_endpoint: z.url(),
  revocation_endpoint: z.url(),
})
const begun = z.object({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string(),
  expires_in: z.number(),
  interval: z.number().default(5),
})
const issued = z.object({ access_token: z.string(), refresh_token: z.string(), expires_in: z.number() })

const signedOut = () => new Told('nobody is signed in here: operator sign-in, or OPERATOR_KEY_FILE')

export interface OperatorSession {
  /** Until the person has allowed it in a browser. @param pause waits for that many seconds */
  signIn(
    issuer: string,
    print: (line: string) => void,
    pause?: (seconds: number) => Promise<void>,
  ): Promise<void>
  /** @returns false when nobody was signed in */
  signOut(): Promise<boolean>
  /** Where the person signed in. @throws Told when nobody did */
  issuer(): Promise<string>
  /** An access token that is good for now. @throws Told when nobody is signed in any more */
  token(): Promise<string>
}

export function createOperatorSession(file: string): OperatorSession {
  async function read(): Promise<Session | undefined> {
    try {
      return stored.parse(JSON.parse(await readFile(file, 'utf8')))
    } catch {
      return undefined
    }
  }
  async function keep(issuer: string, answer: unknown): Promise<Session> {
    const tokens = issued.parse(answer)
    const session = {
      issuer,
      access_token: tokens.access_token,
      refresh_token: tokens.refresh_token,
      expires_at: Math.floor(Date.now() / 1000) + tokens.expires_in,
    }
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    // Whole or not at all, and never readable by others.
    await writeFile(`${file}.new`, JSON.stringify(session), { mode: 0o600 })
    await rename(`${file}.new`, file)
    return session
  }

  /** A refresh token is good once: two commands at the same time must not both spend it. */
  async function renewed(): Promise<Session> {
    const lock = `${file}.lock`
    while (!(await hold(lock))) await sleep(100)
    try {
      const session = await read()
      if (session === undefined) throw signedOut()
      if (isGood(session)) return session
      const { token_endpoint: at } = await discover(session.issuer)
      const { ok, answer } = await post(at, {
        grant_type: 'refresh_token',
        refresh_token: session.refresh_token,
      })
      if (ok) return await keep(session.issuer, answer)
      // Anything else is over in a moment: the refresh token is good still.
      if (errorOf(answer).error !== 'invalid_grant')
        throw new Told(`the issuer at ${session.issuer} gave no new token: try again`)
      await rm(file, { force: true })
      throw signedOut()
    } finally {
      await rm(lock, { force: true })
    }
  }

  return {
    async signIn(issuer, print, pause = (seconds) => sleep(seconds * 1000)) {
      const { device_authorization_endpoint: device, token_endpoint: at } = await discover(issuer)
      const { answer: told } = await post(device, { scope: consoleScope })
      const { device_code: code, user_code: userCode, interval, ...begin } = begun.parse(told)
      print(`open ${begin.verification_uri_complete}\nand compare the code: ${userCode}`)
      for (let wait = interval, waited = 0; ;) {
        await pause(wait)
        waited += wait
        const { ok, isBusy, answer } = await post(at, { grant_type: deviceGrant, device_code: code })
        if (ok) return void (await keep(issuer, answer))
        const { error, error_description: why } = errorOf(answer)
        // Not about the code (RFC 8628 §3.5): asked again, more slowly, as long as the code lives.
        if (error === 'slow_down' || (isBusy && waited < begin.expires_in)) wait += 5
        else if (error !== 'authorization_pending')
          throw new Told(`not signed in: ${why ?? error ?? 'no answer'}`)
      }
    },

    async signOut() {
      const session = await read()
      if (session === undefined) return false
      await rm(file, { force: true })
      const { revocation_endpoint: at } = await discover(session.issuer)
      const { ok } = await post(at, { token: session.refresh_token })
      if (!ok) throw new Told('the file is gone, but the issuer did not take the tokens back')
      return true
    },

    async issuer() {
      const session = await read()
      if (session === undefined) throw signedOut()
      return session.issuer
    },

    async token() {
      const session = await read()
      if (session === undefined) throw signedOut()
      return (isGood(session) ? session : await renewed()).access_token
    },
  }
}

const isGood = ({ expires_at: until }: Session): boolean => until - margin > Date.now() / 1000

/** @returns whether the lock is ours now */
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

async function discover(issuer: string): Promise<z.output<typeof endpoints>> {
  const url = `${issuer}/.well-known/openid-configuration`
  const answer = await fetch(url).catch((cause: unknown) => {
    throw new Error(`the issuer at ${issuer} does not answer`, { cause })
  })
  const found = endpoints.safeParse(await answer.json().catch(() => undefined))
  if (!found.success || found.data.issuer !== issuer) throw new Told(`${issuer} is not the broker`)
  return found.data
}

/** @returns `isBusy`: it said nothing about what was asked */
async function post(
  url: string,
  fields: Record<string, string>,
): Promise<{ ok: boolean; isBusy: boolean; answer: unknown }> {
  const body = new URLSearchParams({ client_id: consoleId, ...fields })
  const response = await fetch(url, { method: 'POST', body }).catch(() => undefined)
  if (response === undefined) return { ok: false, isBusy: true, answer: {} }
  const { ok, status } = response
  return { ok, isBusy: status === 429 || status >= 500, answer: await response.json().catch(() => ({})) }
}

const errorOf = (answer: unknown) => answer as { error?: string; error_description?: string }
