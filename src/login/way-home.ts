/**
 * Where the browser goes when it comes back from VNeID's logout. A cookie holds it, not the state store: it is needed also
 * when the store does not answer, and a caller without a session must not be able to fill the store.
 */
import type { Context } from 'koa'

/** Characters; a browser keeps cookies of up to 4,096 bytes. */
const longest = 2_500
/** Seconds that the citizen may stay at VNeID. */
const maxAge = 600

const nameIn = (ctx: Context): string => (ctx.secure ? '__Host-signed-out' : 'signed-out')
const optionsIn = ({ secure }: Context) =>
  ({ httpOnly: true, sameSite: 'lax', secure, path: '/', signed: true, overwrite: true }) as const

/** @param state the `state` of the logout at VNeID, to which the way belongs */
export function keepWayHome(ctx: Context, state: string, to: string): void {
  if (to.length > longest) return
  const value = `${state}.${Buffer.from(to).toString('base64url')}`
  ctx.cookies.set(nameIn(ctx), value, { ...optionsIn(ctx), maxAge: maxAge * 1000 })
}

/** The way home of this `state`, once. */
export function takeWayHome(ctx: Context, state: unknown): string | undefined {
  const kept = ctx.cookies.get(nameIn(ctx), { signed: true })
  if (kept === undefined) return undefined
  const [of, to = ''] = kept.split('.')
  if (of !== state) return undefined
  ctx.cookies.set(nameIn(ctx), null, optionsIn(ctx))
  return Buffer.from(to, 'base64url').toString()
}
