/**
 * The authorization endpoint must accept POST (OIDC Core §3.1.2.1), and so must the logout endpoint (RP-Initiated Logout
 * §2). A POST from a portal's page arrives without our SameSite=Lax session cookie, and its fields must not appear in a
 * URL. So the form is stored for a minute, and the browser is redirected to the same endpoint by GET.
 */
import { randomBytes } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import { BrokerError } from '../errors.ts'
import { requireFewParameters, withoutEmpty } from './query.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'

const logout = '/session/end'
const endpoints = new Set(['/auth', logout])
export const isPostedForm = ({ method, path }: Context): boolean => method === 'POST' && endpoints.has(path)
/** Bytes of a request that we store before its sender has proved anything. Larger requests must be pushed (RFC 9126). */
const maxRequestBytes = 8 * 1024

const tooLarge = () =>
  new BrokerError('request_too_large', `has more than ${maxRequestBytes} bytes; push the request (RFC 9126)`)

export const acceptPostedForm: Middleware = async (ctx, next) => {
  if (!endpoints.has(ctx.path)) return next()
  if (isPostedForm(ctx)) {
    const to = await storeForm(ctx)
    ctx.status = 303
    ctx.redirect(to)
    return undefined
  }
  if (ctx.path !== logout && ctx.querystring.length > maxRequestBytes) throw tooLarge()
  const id = ctx.query['posted']
  if (typeof id === 'string') ctx.querystring = await takeForm(ctx, id)
  return next()
}

/** @returns the URL at which the browser continues. A logout that cannot be stored continues without what it named. */
async function storeForm(ctx: Context): Promise<string> {
  const unit = currentUnit()
  const id = randomBytes(16).toString('base64url')
  const query = await readForm(ctx)
  unit.begin(keyOf('Posted', id), { query }, 60)
  try {
    await unit.commit()
  } catch (error) {
    unit.abandon()
    if (ctx.path === logout) return logout
    // The page links to the portal that the form names.
    ctx.querystring = new URLSearchParams({
      client_id: new URLSearchParams(query).get('client_id') ?? '',
    }).toString()
    throw error
  }
  return `${ctx.path}?posted=${id}`
}

/** @throws BrokerError `interaction_gone`, except for a logout, which continues without what the form named */
async function takeForm(ctx: Context, id: string): Promise<string> {
  try {
    const form = await currentUnit().take(keyOf('Posted', id))
    if (form === undefined) throw new BrokerError('interaction_gone')
    return String(form['query'])
  } catch (error) {
    if (ctx.path !== logout) throw error
    return ''
  }
}

/** The body as a query string. @throws BrokerError `request_invalid`, `request_too_large` */
export async function readForm(ctx: Context): Promise<string> {
  if (!ctx.is('application/x-www-form-urlencoded'))
    throw new BrokerError('request_invalid', 'content-type: must be application/x-www-form-urlencoded')
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxRequestBytes) {
      // The rest of the body stays unread, so the connection cannot be used again.
      ctx.set('connection', 'close')
      throw tooLarge()
    }
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  requireFewParameters(text)
  return new URLSearchParams(withoutEmpty(text)).toString()
}
