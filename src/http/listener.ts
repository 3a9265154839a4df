/** A listener that large headers, slow headers and silent connections cannot hold up. */
import { type RequestListener, type Server, createServer } from 'node:http'

/** Bytes of all headers together. Our cookies and a proxy's headers take about 2,000. */
const mostHeaderBytes = 16 * 1024
/** Node silently drops further headers, and a proxy writes its own last: so we refuse instead. */
const mostHeaders = 100
/** Of all callers together. There is no limit per address here: the proxy must stop one that opens thousands. */
const mostConnections = 20_000
/** Milliseconds. Longer than a proxy keeps an idle connection: if we closed first, a request could arrive on a closed one. */
const idle = 65_000

/** Defaults; an answer may set its own. */
const headers = Object.entries({
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
})

/** @param patience seconds until the headers, and the whole request, must have arrived; then the answer is 408 */
export function createListener(
  answer: RequestListener,
  patience: { readonly headers?: number | undefined; readonly request?: number } = {},
): Server {
  const server = createServer(
    {
      maxHeaderSize: mostHeaderBytes,
      headersTimeout: (patience.headers ?? 10) * 1000,
      requestTimeout: (patience.request ?? 30) * 1000,
      keepAliveTimeout: idle,
      // How often Node looks for late requests.
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
