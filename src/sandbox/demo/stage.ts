/** What all scenes of the demo share: the running parts, and helpers for browser and portal. */
import type { Db } from '../../store/db.ts'
import type { Officer } from './officers.ts'
import type { Teller } from './telling.ts'
import type { ExampleClient } from '../examples.ts'
import type { Portal } from '../portal/portal.ts'
import type { Simulator } from '../simulator/simulator.ts'
import { createVisitor, type Page, type Visitor } from '../visitor.ts'

export interface Stage {
  readonly issuer: string
  readonly db: Db
  readonly simulator: Simulator
  readonly examples: readonly ExampleClient[]
  readonly portals: readonly [Portal, Portal]
  readonly officers: readonly [Officer, Officer]
  readonly tell: Teller
}

/** What a portal received about the person at a browser. */
export interface Received {
  readonly header: Record<string, unknown>
  readonly claims: Record<string, unknown>
  readonly userinfo: Record<string, unknown> & {
    readonly legacy_accounts: readonly { id: string; method: string }[]
    readonly legacy_account_link?: { id: string; outcome: string; reason?: string }
  }
}

/** Opens a URL and prints every request that it took. */
export async function walk(
  tell: Teller,
  visitor: Visitor,
  url: string,
  form?: Record<string, string>,
): Promise<Page> {
  const from = visitor.steps.length
  const page = await visitor.open(url, form && { form })
  for (const step of visitor.steps.slice(from)) tell.hop(step)
  return page
}

export async function ask(visitor: Visitor, portal: Portal): Promise<Received> {
  return JSON.parse((await visitor.open(`${portal.url}/me`)).body) as Received
}

export const idsOf = ({ userinfo }: Received): string[] => userinfo.legacy_accounts.map(({ id }) => id)

/** A login in a new browser, whose requests are not printed. */
export async function comeBack({ simulator }: Stage, citizen: string, portal: Portal) {
  simulator.approve(citizen)
  const visitor = createVisitor()
  const page = await visitor.open(`${portal.url}/login`)
  return { page, received: page.status === 200 ? await ask(visitor, portal) : undefined }
}

export const has = (text: string, ...parts: string[]): boolean => parts.every((part) => text.includes(part))

/** The error code with which a call is refused; undefined if it succeeds. */
export const refusalOf = (call: Promise<unknown>): Promise<string | undefined> =>
  call.then(
    () => undefined,
    (refusal: { code?: string }) => refusal.code,
  )
