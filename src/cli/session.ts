/** A person's sign-in from a terminal: the device flow (RFC 8628) at the issuer, and renewal and revocation of its tokens. */
import { rm } from 'node:fs/promises'
import {
  type Configuration,
  type CustomFetch,
  None,
  ResponseBodyError,
  type TokenEndpointResponse,
  allowInsecureRequests,
  customFetch,
  discovery,
  initiateDeviceAuthorization,
  pollDeviceAuthorizationGrant,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client'
import { consoleId, consoleScope } from '../operators/console.ts'
import { isLoopback } from '../vocabulary.ts'
import { type Session, readSession, whileLocked, writeSession } from './session-file.ts'
import { Told } from './told.ts'

/** Seconds before its end at which an access token is renewed. */
const margin = 30

const signedOut = () => new Told('not signed in: run "operator sign-in", or set OPERATOR_KEY_FILE')

export interface OperatorSession {
  /** Resolves when the person has approved the sign-in in a browser. */
  signIn(issuer: string, print: (line: string) => void): Promise<void>
  /** @returns false if no person was signed in */
  signOut(): Promise<boolean>
  /** The issuer at which the person signed in. @throws Told if no person is signed in */
  issuer(): Promise<string>
  /** A valid access token. @throws Told if the sign-in has ended */
  token(): Promise<string>
}

export function createOperatorSession(file: string): OperatorSession {
  async function current(): Promise<Session> {
    const session = await readSession(file)
    if (session === undefined) throw signedOut()
    return session
  }
  async function keep(issuer: string, tokens: TokenEndpointResponse): Promise<Session> {
    const { access_token, refresh_token, expires_in } = tokens
    if (refresh_token === undefined || expires_in === undefined)
      throw new Told(`the issuer at ${issuer} did not send a refresh token`)
    const expires_at = Math.floor(Date.now() / 1000) + expires_in
    const session = { issuer, access_token, refresh_token, expires_at }
    await writeSession(file, session)
    return session
  }

  /** A refresh token can be used once, so two simultaneous commands must not both use it. */
  const renewed = (): Promise<Session> =>
    whileLocked(file, async () => {
      const session = await current()
      if (isGood(session)) return session
      const { issuer } = session
      const config = await discover(issuer)
      const tokens = await refreshTokenGrant(config, session.refresh_token).catch(async (cause: unknown) => {
        if (cause instanceof ResponseBodyError && cause.error === 'invalid_grant') {
          await rm(file, { force: true })
          throw signedOut()
        }
        // Any other failure is temporary, and the refresh token is still valid.
        throw new Told(`the issuer at ${issuer} did not renew the sign-in: try again`, { cause })
      })
      return keep(issuer, tokens)
    })

  return {
    async signIn(issuer, print) {
      const config = await discover(issuer)
      const device = await initiateDeviceAuthorization(config, { scope: consoleScope }).catch(notSignedIn)
      const { verification_uri: address, verification_uri_complete: direct = address } = device
      print(`open ${direct}\nand compare the code: ${device.user_code}`)
      config[customFetch] = askAgain
      await keep(issuer, await pollDeviceAuthorizationGrant(config, device).catch(notSignedIn))
    },

    async signOut() {
      const session = await readSession(file)
      if (session === undefined) return false
      await rm(file, { force: true })
      const config = await discover(session.issuer)
      await tokenRevocation(config, session.refresh_token).catch((cause: unknown) => {
        throw new Told('signed out on this machine, but the issuer did not revoke the tokens', { cause })
      })
      return true
    },

    issuer: async () => (await current()).issuer,

    async token() {
      const session = await current()
      return (isGood(session) ? session : await renewed()).access_token
    },
  }
}

const isGood = ({ expires_at: until }: Session): boolean => until - margin > Date.now() / 1000

async function discover(issuer: string): Promise<Configuration> {
  const url = new URL(issuer)
  const execute = isLoopback(url.hostname) ? [allowInsecureRequests] : []
  try {
    return await discovery(url, consoleId, undefined, None(), { execute, [customFetch]: orFail })
  } catch (cause) {
    const code = (cause as { code?: string }).code
    if (code?.startsWith('OAUTH_') && code !== 'OAUTH_TIMEOUT') throw new Told(`${issuer} is not the broker`)
    throw new Error(`the issuer at ${issuer} does not answer`, { cause })
  }
}

/** An answer of a busy issuer, or of a proxy in front of it, says nothing about the request. */
const isBusy = ({ status }: Response): boolean => status === 429 || status >= 500

const orFail: CustomFetch = async (url, init) => {
  const response = await fetch(url, init as RequestInit)
  if (isBusy(response)) throw new TypeError(`status ${response.status}`)
  return response
}

/** If the issuer is busy or unreachable, the command polls again, more slowly (RFC 8628 §3.5). */
const askAgain: CustomFetch = async (url, init) =>
  orFail(url, init).catch(() => Response.json({ error: 'slow_down' }, { status: 400 }))

function notSignedIn(cause: unknown): never {
  const { code, message } = cause as { code?: string; message: string }
  const why =
    cause instanceof ResponseBodyError
      ? (cause.error_description ?? cause.error)
      : code === 'OAUTH_TIMEOUT'
        ? 'the code has expired'
        : message
  throw new Told(`not signed in: ${why}`, { cause })
}
