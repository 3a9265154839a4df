/**
 * VNeID for a crowd: an issuer that signs in any number that the driver sends. It stores nothing, because a code contains
 * its own data, and checks nothing; the simulator of the sandbox is the strict one.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { serve } from './measured.ts'

export interface CrowdSettings {
  issuer: string
}

serve(async ({ issuer }: CrowdSettings) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = encode({ alg: 'RS256', typ: 'JWT', kid: 'crowd' })
  const signed = (claims: object) => {
    const content = `${head}.${encode(claims)}`
    return `${content}.${sign('sha256', Buffer.from(content), privateKey).toString('base64url')}`
  }
  const answers: Record<string, (url: URL, form: URLSearchParams) => object | string> = {
    '/.well-known/openid-configuration': () => ({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      authorization_response_iss_parameter_supported: true,
    }),
    '/jwks': () => ({
      keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'crowd', alg: 'RS256', use: 'sig' }],
    }),
    '/authorize'({ searchParams: asked }, form) {
      const code = encode([asked.get('client_id'), asked.get('nonce'), form.get('citizen')])
      const back = new URLSearchParams({ code, state: asked.get('state') ?? '', iss: issuer })
      return `${asked.get('redirect_uri')}?${back.toString()}`
    },
    '/token'(_url, form) {
      const code = Buffer.from(form.get('code') ?? '', 'base64url').toString()
      const [aud, nonce, number] = JSON.parse(code) as string[]
      const now = Math.floor(Date.now() / 1000)
      const person = { accountType: '1', accountLevel: '02', citizenPid: number, fullName: 'Nguyễn Văn An' }
      return {
        access_token: 'crowd',
        token_type: 'Bearer',
        id_token: signed({
          iss: issuer,
          sub: `crowd-${number}`,
          aud,
          nonce,
          iat: now,
          exp: now + 300,
          auth_time: now,
          ...person,
        }),
      }
    },
  }

  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', issuer)
    const answer = answers[url.pathname]?.(url, await readForm(request))
    if (typeof answer === 'string') response.writeHead(303, { location: answer }).end()
    else {
      response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer ?? {}))
    }
  }
  const server = createServer((request, response) => void respond(request, response))
  server.keepAliveTimeout = 65_000
  server.listen(Number(new URL(issuer).port), '127.0.0.1')
  await once(server, 'listening')
  return {
    close() {
      server.close()
      server.closeAllConnections()
      return Promise.resolve()
    },
  }
})

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  return new URLSearchParams(body)
}
