/** The one table of logouts that meet a fault: what a portal asks for, with and without a session. */
import { decodeProtectedHeader } from 'jose'
import { expect } from 'vitest'
import type { Page, Visitor } from '../../../src/sandbox/visitor.ts'
import { type Portal, press } from '../portal.ts'
import { encode } from '../wire.ts'
import type { World } from '../world.ts'
import { atHome, bye } from './logout.ts'

export const signedOut = 'Ông/Bà đã đăng xuất'
/** What a page about a sign-in says; no page of a logout may say it. */
export const notSignedIn = /chưa được đăng nhập|chưa đăng nhập được|Chưa thể mở trang đăng nhập/
export const wrongRequest = 'Yêu cầu đăng xuất của cổng dịch vụ không hợp lệ'
export const unreached = 'có thể chưa được thông báo'
const altered = (token: string) => `${token.slice(0, -10)}AAAAAAAAAA`
const registered = { post_logout_redirect_uri: bye, state: 's' }

/** What the portal asks for, from an ID token of the person and one whose key is revoked. */
export const wishes: Record<string, (hint: string, revoked: string) => string> = {
  nothing: () => '',
  'a valid request': (hint) => encode({ id_token_hint: hint, ...registered }),
  'a valid request without a hint': () => encode({ client_id: 'portal-a', ...registered }),
  'the hint "undefined"': () => encode({ id_token_hint: 'undefined', ...registered }),
  'a hint that is not a token': () => encode({ id_token_hint: 'a.b.c', client_id: 'portal-a' }),
  'a hint without a signature': () => encode({ id_token_hint: 'eyJhbGciOiJub25lIn0.e30.' }),
  'a hint with a wrong signature': (hint) => encode({ id_token_hint: altered(hint), ...registered }),
  'a hint of a revoked key': (_, revoked) =>
    encode({ id_token_hint: revoked, client_id: 'portal-a', ...registered }),
  'a hint of another portal': (hint) => encode({ id_token_hint: hint, client_id: 'portal-b', ...registered }),
  'an unknown portal': () => encode({ client_id: 'nobody', ...registered }),
  'an unregistered return address': (hint) =>
    encode({ id_token_hint: hint, post_logout_redirect_uri: `${bye}/` }),
  'a return address of no portal': () => encode({ post_logout_redirect_uri: bye }),
  'a return address twice': (hint) =>
    `${encode({ id_token_hint: hint, ...registered })}&post_logout_redirect_uri=x`,
  'a portal twice': () => 'client_id=portal-a&client_id=portal-b',
  'a language twice': () => 'ui_locales=vi&ui_locales=en',
  'a form that is gone': () => 'posted=AAAAAAAAAAAAAAAAAAAAAA',
}
/** Requests about which the question says nothing. */
export const right = new Set([
  'nothing',
  'a valid request',
  'a valid request without a hint',
  'a form that is gone',
])
/** Requests after which the browser returns to the portal. */
export const returns = new Set(['a valid request', 'a valid request without a hint'])

const revokedTokens = new WeakMap<World, string>()
/** The portal of the table, after the key of an earlier ID token was revoked. */
export async function openPortal(world: World): Promise<Portal> {
  const { tokens } = await (await world.portal({ clientId: 'portal-a' })).signIn()
  const officer = await world.operator('officer', ['security_officer'])
  const { kid } = decodeProtectedHeader(tokens.id_token!)
  await officer.call('POST', `/v1/keys/${kid}/revoke`, { reason: 'test' })
  await world.refresh()
  revokedTokens.set(world, tokens.id_token!)
  // A portal that has not fetched the old keys.
  return world.portal({ clientId: 'portal-a' })
}

export interface Leaving {
  readonly visitor: Visitor
  readonly hasSession: boolean
  readonly hint: string
}
/** Opens the logout that a row of the table asks for. */
export async function openWish(world: World, { visitor, hint }: Leaving, wish: string): Promise<Page> {
  const query = wishes[wish]!(hint, revokedTokens.get(world) ?? '')
  return visitor.open(`${world.issuer}/session/end?${query}`, { until: atHome })
}
/** Presses "Đăng xuất khỏi tất cả" if the page asks. */
export const answer = async (visitor: Visitor, page: Page) =>
  page.body.includes('name="logout"') ? press(visitor, page, { logout: 'yes' }, atHome) : page
/** How often the browser went to VNeID's logout. */
export const vneidVisits = (world: World, { steps }: Visitor) =>
  steps.filter(({ url }) => /\/logout\?/.test(url) && url.startsWith(world.simulator.url)).length
export async function expectSignedOut(portal: Portal, visitor: Visitor) {
  expect((await portal.ask({ prompt: 'none' }, visitor)).answer).toMatchObject({ error: 'login_required' })
}
/** A browser with a session, and one without that has signed in before. */
export async function leavers(portal: Portal, issuer: string): Promise<[Leaving, Leaving]> {
  const present = await portal.signIn()
  const absent = await portal.signIn()
  const cookies = absent.visitor.cookies(issuer)
  for (const name of cookies.keys()) if (name.startsWith('session')) cookies.delete(name)
  return [
    { visitor: present.visitor, hasSession: true, hint: present.tokens.id_token! },
    { visitor: absent.visitor, hasSession: false, hint: absent.tokens.id_token! },
  ]
}
