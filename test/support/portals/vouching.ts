/** A portal that vouches for legacy accounts, and the citizen's steps through the page that follows. */
import { expect } from 'vitest'
import { citizenNamed } from '../../../src/sandbox/citizens.ts'
import { type Page, type Visitor, createVisitor } from '../../../src/sandbox/visitor.ts'
import { type Begun, type Portal, type PortalOptions, press } from '../portal.ts'
import { type World, portalAddress, portalDefinition } from '../world.ts'

export interface At {
  readonly clientId: string
  readonly portal: Portal
  /** Imports an account with these columns; without a number by default. */
  account(accountId: string, columns?: Record<string, unknown>): Promise<void>
}
export interface Asked {
  readonly visitor: Visitor
  readonly begun: Begun
  readonly page: Page
}

/** A lock date far in the future, because the law's date for citizens is past. */
export const farAway = { lock: { citizen: { locked: '2099-01-01' } } }
export const toPortal = (url: string): boolean => url.startsWith(`${portalAddress}?`)
export const heardAt = ({ url }: Page): Record<string, string> =>
  Object.fromEntries(new URL(url).searchParams)
export const decide = (visitor: Visitor, page: Page, choice?: 'link' | 'skip'): Promise<Page> =>
  press(visitor, page, choice && { choice }, toPortal)

let count = 0
export function createVouching(world: World) {
  const vouching = {
    async open(
      mapping: Record<string, unknown> = farAway,
      {
        policy,
        options,
        ...metadata
      }: { policy?: object; options?: Partial<PortalOptions> } & Record<string, unknown> = {},
    ): Promise<At> {
      const clientId = `vouching-${++count}`
      await world.register(portalDefinition(clientId, { ...metadata, policy: { ...policy, mapping } }))
      return {
        clientId,
        portal: await world.portal({ clientId, par: true, scope: 'openid legacy_accounts', ...options }),
        account: (accountId, columns = {}) =>
          world.legacyAccounts(clientId, { account_id: accountId, kind: 'citizen', ...columns }),
      }
    },

    /** Goes as far as our page, or back to the portal if there is none. */
    async vouch(
      { portal }: At,
      citizen: string,
      accountId: string,
      { visitor = createVisitor(), ...wish }: { visitor?: Visitor } & Record<string, unknown> = {},
    ): Promise<Asked> {
      world.simulator.approve(citizen)
      const begun = await portal.begin({ ...(wish as Record<string, string>), legacy_account: accountId })
      return { visitor, begun, page: await visitor.open(begun.url, { until: toPortal }) }
    },

    /** Redeems the answer for tokens and their claims. */
    async learn({ portal }: At, { begun }: Asked, { url }: Page) {
      const tokens = await portal.redeem(url, begun)
      const claims = tokens.claims()!
      const person = await portal.userinfo(tokens.access_token, claims.sub)
      return { tokens, claims, person, told: person['legacy_account_link'], accounts: idsOf(person) }
    },

    /** The whole flow. */
    async wayThrough(at: At, citizen: string, accountId: string, choice?: 'link' | 'skip', wish = {}) {
      const asked = await vouching.vouch(at, citizen, accountId, wish)
      const answer = await decide(asked.visitor, asked.page, choice)
      return { ...asked, ...(await vouching.learn(at, asked, answer)) }
    },

    linksOf: ({ clientId }: At) =>
      world.db.query<{ subject: string; method: string; evidence: unknown }>(
        'select subject_id as subject, method, evidence from account_link where client_id = $1 and unlinked_at is null',
        [clientId],
      ),
    casesOf: ({ clientId }: At) =>
      world.db.query<{ reason: string; sealed: Buffer; account_key: Buffer; account: Buffer }>(
        `select c.reason, c.sealed, a.account_key, a.sealed as account
         from review_case c join legacy_account a on a.id = c.account_id where c.client_id = $1 order by c.opened_at`,
        [clientId],
      ),
    refusalsOf: async ({ clientId }: At) =>
      (
        await world.db.query<{ detail: Record<string, string> }>(
          `select detail from audit_event where event = 'link.refused' and client_id = $1 order by id`,
          [clientId],
        )
      ).map(({ detail }) => detail),
    async refusalsCounted(reason: string): Promise<number> {
      const text = await (await fetch(`${world.operationsUrl}/metrics`)).text()
      return Number(new RegExp(`^link_refusals_total{reason="${reason}"} (\\d+)`, 'm').exec(text)?.[1] ?? 0)
    },
  }
  return vouching
}

const idsOf = (person: Record<string, unknown>) =>
  (person['legacy_accounts'] as { id: string }[] | undefined)?.map(({ id }) => id)

/** The page's question in Vietnamese, with account and person. */
export function expectQuestion({ page }: Asked, citizen: string, accountId: string): void {
  const { name, number } = citizenNamed(citizen)
  expect(page.status).toBe(200)
  expect(page.body).toContain('<h1>Liên kết tài khoản</h1>')
  expect(page.body).toContain(`<bdi>${accountId}</bdi>`)
  expect(page.body.normalize('NFC')).toContain(name.normalize('NFC'))
  expect(page.body).toContain(`kết thúc bằng ${number.slice(-3)}`)
  expect(page.body).not.toContain(number)
}
