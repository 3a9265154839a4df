/** A world for tests of officers' acts, with sign-ins, imported accounts and officers. */
import * as client from 'openid-client'
import type { AdminClient, AdminError } from '../../../src/cli/client.ts'
import { citizenNamed } from '../../../src/sandbox/citizens.ts'
import type { Visitor } from '../../../src/sandbox/visitor.ts'
import { openWorld, portalDefinition } from '../world.ts'

export const numberOf = (citizen: string): string => citizenNamed(citizen).number
export const reason = 'both papers were seen'
export const words = { reason, evidence: 'the card itself, at the counter' }

/** The error of a refused call; undefined if it succeeded. */
export const refusal = (call: Promise<unknown>): Promise<AdminError | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => error as AdminError,
  )

export interface Case {
  readonly id: string
  readonly account: string
  readonly reason: string
  readonly subject: string | null
}

export async function openOffice() {
  const world = await openWorld()
  const { db, simulator } = world
  const [one, two] = [
    await world.operator('officer.one', ['mapping_officer']),
    await world.operator('officer.two', ['mapping_officer']),
  ]

  let count = 0
  async function openPortal(policy: Record<string, unknown> = {}) {
    const clientId = `portal-${++count}`
    await world.register(portalDefinition(clientId, { policy }))
    const portal = await world.portal({ clientId, scope: 'openid legacy_accounts' })
    const enter = (citizen: string, visitor?: Visitor) => {
      simulator.approve(citizen)
      return portal.signIn(undefined, visitor)
    }
    const cases = async () =>
      (await one.call<{ reviews: Case[] }>('GET', `/v1/reviews?client=${clientId}`)).reviews
    return {
      clientId,
      portal,
      enter,
      cases,
      /** Imports an account with the citizen's number. */
      account: (accountId: string, citizen: string, more: Record<string, string | boolean> = {}) =>
        world.legacyAccount({ clientId, accountId, number: numberOf(citizen), ...more }),
      /** The citizen signs in. @returns the ids of the accounts that the portal receives */
      async meet(citizen: string): Promise<string[]> {
        const { tokens, claims } = await enter(citizen)
        const person = await client.fetchUserInfo(portal.config, tokens.access_token, claims.sub)
        return (person['legacy_accounts'] as { id: string }[]).map(({ id }) => id)
      },
      /** The only open case. */
      async question(): Promise<Case> {
        const [first, ...more] = await cases()
        if (first === undefined || more.length > 0)
          throw new Error(`expected one open case, found ${more.length + (first === undefined ? 0 : 1)}`)
        return first
      },
      /** The accounts' states in the database. @throws Error when state, links and cases are inconsistent */
      async accounts() {
        const rows = await db.query<{
          account: string
          state: string
          classes: number
          links: string[]
          n: number
        }>(
          `select a.id::text as account, state, classes, array(select l.subject_id::text from account_link l
             where l.account_id = a.id and l.unlinked_at is null) as links,
             (select count(*)::int from review_case c where c.account_id = a.id and c.outcome is null) as n
           from legacy_account a where a.client_id = $1 order by a.id`,
          [clientId],
        )
        return rows.map(({ links, n, ...row }) => {
          const fits =
            links.length === (row.state === 'linked' ? 1 : 0) &&
            (row.state === 'in_review' ? n > 0 : row.state === 'linked' || n === 0)
          if (!fits)
            throw new Error(`account ${row.account}: ${row.state}, ${links.length} links, ${n} cases`)
          return { ...row, subject: links[0] ?? null }
        })
      },
    }
  }
  type Portal = Awaited<ReturnType<typeof openPortal>>

  return {
    world,
    db,
    one,
    two,
    openPortal,
    /** An account for which a login opened a case, because its number was never attested. */
    async doubt(citizen: string, more: Record<string, string | boolean> = {}, policy = {}) {
      const at = await openPortal(policy)
      await at.account('old-1', citizen, { attested: false, ...more })
      await at.meet(citizen)
      return { at, question: await at.question() }
    },
    async confirm({ id }: Case, by: AdminClient = one): Promise<string> {
      return (await by.call<{ approval: string }>('POST', `/v1/reviews/${id}/confirm`, words)).approval
    },
    act: (what: 'dismiss' | 'retire' | 'reopen', { id }: Case, by: AdminClient = one) =>
      by.call('POST', `/v1/reviews/${id}/${what}`, { reason }),
    approve: (approval: string, by: AdminClient = two) =>
      by.call('POST', `/v1/approvals/${approval}/approve`),
    async ask(account: string, citizen: string, by: AdminClient = one): Promise<string> {
      const body = { account, citizen_id: numberOf(citizen), reason }
      return (await by.call<{ id: string }>('POST', '/v1/reviews', body)).id
    },
    /** Ends the active link of the portal's only account. */
    async end(at: Portal, by: AdminClient = one): Promise<void> {
      const [link] = await linksOf(at)
      await by.call('POST', `/v1/accounts/${link!.account}/links/${link!.id}/end`, { reason })
    },
    linksOf,
    async subjectOf(citizen: string): Promise<string | undefined> {
      const [row] = await db.query<{ id: string }>(
        `select i.subject_id as id from identifier_key k join identifier i on i.id = k.identifier_id
         where k.key = any($1::bytea[])`,
        [world.citizenKeysOf(numberOf(citizen))],
      )
      return row?.id
    },
  }

  function linksOf({ clientId }: { readonly clientId: string }) {
    return db.query<{ id: string; account: string; subject: string; method: string; active: boolean }>(
      `select id, account_id::text as account, subject_id::text as subject, method, unlinked_at is null as active
       from account_link where client_id = $1 order by unlinked_at nulls first, linked_at desc`,
      [clientId],
    )
  }
}
