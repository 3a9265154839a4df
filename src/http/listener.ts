/** A listener that nobody can hold up: not with large headers, not with slow ones, not with connections that say nothing. */
import { type RequestListener, type Server, createServer } from 'node:http'

/** Bytes of all headers together: a session, a browser's name and a proxy's remarks take two thousand. */
const mostHeaderBytes = 16 * 1024
/** Node would leave out what is beyond, and a proxy writes last. */
const mostHeaders = 100
/** Of all callers together: no address has a share of its own here, so one that opens thousands is for the proxy to stop. */
const mostConnections = 20_000
/** Milliseconds; longer than a proxy keeps an idle connection: were we first to close, a request would meet a closed door. */
const idle = 65_000

/** For an answer that sets none of its own. */
const headers = Object.entries({
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
})

/**
 * @param patience seconds: until the headers must be there, and until the whole request must; who is later
 * hears 408
 */
export function createListener(
  answer: RequestListener,
  patience: { readonly headers?: number; readonly request?: number } = {},
): Server {
  const server = createServer(
    {
      maxHeaderSize: mostHeaderBytes,
      headersTimeout: (patience.headers ?? 10) * 1000,
      requestTimeout: (patience.request ?? 30) * 1000,
      keepAliveTimeout: idle,
      // How often Node looks for those that are late.
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      for (const [name, value] of headers) response.setHeader(name, value)
      if (request.rawHeaders.length > mostHeaders * 2) response.writeHead(431, { connection: 'close' }).end()
      else answer(request, response)
    },
  )
  server.maxHeadersCount = 0
  server.maxConnections = mostConnections
  return server
}
