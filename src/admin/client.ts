/** A client of the admin API: the command line's, a machine's, the tests'. */
import { randomUUID } from 'node:crypto'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type JWK, SignJWT, importJWK } from 'jose'
import { algorithmOf } from './operators.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface AdminClient {
  /** @returns the JSON of the answer, undefined if it has none; @throws AdminError */
  call<T = unknown>(method: Method, path: string, body?: unknown): Promise<T>
  /** Sends a file as it comes, however long it takes. @returns the answer, unread; @throws AdminError */
  upload(path: string, content: Readable, type: string): Promise<IncomingMessage>
}

/** The API's refusal, as `application/problem+json` told it. */
export class AdminError extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string | undefined
  readonly reference: string | undefined

  constructor({ status, code, detail, reference }: Omit<AdminError, keyof Error>) {
    const told = detail === undefined ? code : `${code}: ${detail}`
    super(reference === undefined ? told : `${told} (reference ${reference})`)
    this.name = 'AdminError'
    this.status = status
    this.code = code
    this.detail = detail
    this.reference = reference
  }
}

/** @param key the operator's private JWK */
export function createAdminClient({
  url,
  audience,
  operatorId,
  key,
}: {
  url: string
  audience: string
  operatorId: string
  key: JWK
}): AdminClient {
  const algorithm = algorithmOf(key)
  const signingKey = importJWK(key, algorithm)
  const assertion = async () =>
    new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg: algorithm })
      .setIssuer(operatorId)
      .setSubject(operatorId)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(await signingKey)

  async function send<T>(path: string, init: RequestInit, type?: string): Promise<T> {
    const headers = { authorization: `Bearer ${await assertion()}`, ...(type && { 'content-type': type }) }
    const response = await fetch(new URL(path, url), { ...init, headers }).catch((cause: unknown) => {
      throw new Error(`the admin API at ${url} does not answer`, { cause })
    })
    const answer = (await response.json().catch(() => undefined)) as Partial<AdminError> | undefined
    if (response.ok) return answer as T
    throw refusal(response.status, answer)
  }

  return {
    call: (method, path, body) =>
      body === undefined
        ? send(path, { method })
        : send(path, { method, body: JSON.stringify(body) }, 'application/json'),
    // By hand, for `fetch` gives up on an answer that takes minutes to begin.
    async upload(path, content, type) {
      const headers = { authorization: `Bearer ${await assertion()}`, 'content-type': type }
      const target = new URL(path, url)
      const { request } = target.protocol === 'https:' ? https : http
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const sending = request(target, { method: 'POST', headers }, resolve)
        sending.once('error', (cause) => reject(new Error(`the admin API at ${url} hung up`, { cause })))
        content.once('error', (cause) => sending.destroy(cause))
        content.pipe(sending)
      })
      if (answer.statusCode === 200) return answer
      content.destroy()
      const status = answer.statusCode ?? 0
      throw refusal(status, JSON.parse(await text(answer)) as Partial<AdminError>)
    },
  }
}

const refusal = (status: number, answer: Partial<AdminError> | undefined) =>
  new AdminError({ status, code: `HTTP ${status}`, detail: undefined, reference: undefined, ...answer })
