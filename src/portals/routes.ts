/** Routes of the portals' API. An account id may be a citizen's number, so it is sent only in bodies, never in a URL. */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { Client } from 'oidc-provider'
import { z } from 'zod'
import { audited } from '../recording.ts'
import { BrokerError, errorTable } from '../errors.ts'
import { idOfAccount } from '../http/account-id.ts'
import { codeOf, referenceOf, report } from '../http/boundary.ts'
import { parse, readJson } from '../http/input.ts'
import { countAs } from '../http/limits.ts'
import { answerProblem } from '../http/problem.ts'
import { classesOf } from '../mapping/classes.ts'
import type { SubOf } from '../oidc/accounts.ts'
import type { Parts } from '../parts.ts'
import { type AccountRow, findAccount } from '../store/accounts.ts'
import type { Db } from '../store/db.ts'
import { markPrimary } from '../store/links.ts'
import { cursorPattern, readFeed } from './feed.ts'
import { createPortalAuthentication, neededScope, proofAlgorithms } from './authentication.ts'
import { type Figures, spanQuery } from './figures.ts'

const maxBodyBytes = 8 * 1024

const accountBody = z.strictObject({
  id: idOfAccount,
  /** Owner of the account: the portal itself (the default), or a portal that was merged into it. */
  portal: z.string().max(64).optional(),
})
type Named = z.output<typeof accountBody>
const changesQuery = z.strictObject({
  after: z.string().regex(cursorPattern, 'must be a cursor that this API returned').default('0'),
  limit: z
    .string()
    .regex(/^([1-9]\d{0,2}|1000)$/, 'must be 1 to 1000')
    .default('100')
    .transform(Number),
})

export function createPortalApi({
  db,
  provider,
  issuer,
  registry,
  records,
  subOf,
  figures,
  log,
}: Pick<Parts, 'db' | 'provider' | 'registry' | 'records' | 'log'> & {
  issuer: string
  subOf: SubOf
  figures: Figures
}): Middleware {
  const authenticate = createPortalAuthentication({ provider, issuer })
  const figuresQuery = z.strictObject(spanQuery)
  const router = new Router({ strict: true })
  const portals = new WeakMap<Context, Client>()
  const portalOf = (ctx: Context) => portals.get(ctx)!
  const namedIn = async (ctx: Context) => parse('the body', accountBody, await readJson(ctx, maxBodyBytes))

  /** @throws BrokerError `account_unknown` if there is no such account, or if another portal owns it */
  async function accountOf(
    from: Db,
    { clientId }: Client,
    { id, portal = clientId }: Named,
  ): Promise<AccountRow> {
    const row = registry.portalsOf(clientId).includes(portal)
      ? await findAccount(from, portal, records.accountKey(portal, id))
      : undefined
    if (row === undefined) throw new BrokerError('account_unknown')
    return row
  }
  const stateOf = async (client: Client, named: Named) =>
    accountState(await accountOf(db, client, named), named.id, client.clientId, (subjectId) =>
      subOf(client, subjectId),
    )

  router.post('legacy_account_state', '/legacy-accounts/state', async (ctx) => {
    ctx.body = await stateOf(portalOf(ctx), await namedIn(ctx))
  })

  router.post('legacy_account_primary', '/legacy-accounts/primary', async (ctx) => {
    const named = await namedIn(ctx)
    const client = portalOf(ctx)
    await audited({ db, log }, async (tx, note) => {
      const account = await accountOf(tx, client, named)
      if (account.isPrimary) return
      const { clientId, accountKey } = account
      const marked = await markPrimary(tx, clientId, accountKey)
      if (marked === undefined) throw new BrokerError('state_conflict', `the account is ${account.state}`)
      const { linkId: link, subjectId } = marked
      const via = clientId !== client.clientId && { via: client.clientId }
      const detail = { link, account: account.account, ...via }
      const reference = referenceOf(ctx)
      note({ event: 'link.primary', clientId, subjectId, actor: 'portal', reference, detail })
    })
    ctx.body = await stateOf(client, named)
  })

  router.get('legacy_account_changes', '/legacy-accounts/changes', async (ctx) => {
    const { after, limit } = parse('the query', changesQuery, { ...ctx.query })
    const client = portalOf(ctx)
    const { clientId } = client
    const rehomes = registry.rehomesInto(clientId)
    const feed = await db.transaction((tx) => readFeed(tx, { clientId, rehomes, after, limit }))
    ctx.body = {
      changes: feed.changes.map(({ cursor, change, at, portal, accountKey, sealed, subjectId, method }) => ({
        cursor,
        change,
        id: records.open(accountKey, sealed).accountId,
        ...(portal !== clientId && { portal }),
        sub: subOf(client, subjectId),
        method,
        at,
      })),
      next: feed.next,
      more: feed.more,
    }
  })

  router.get('figures', '/figures', async (ctx) => {
    const span = parse('the query', figuresQuery, { ...ctx.query })
    const [own] = await figures.read({ clientId: portalOf(ctx).clientId, ...span })
    ctx.body = own
  })

  const routes = router.routes()
  return async function portalApi(ctx, next) {
    const [, area] = /^\/(legacy-accounts|figures)(?:\/|$)/.exec(ctx.path) ?? []
    if (area === undefined) return next()
    ctx.set('cache-control', 'no-store')
    try {
      // The figures need no scope; the portal's registration is enough.
      const portal = await authenticate(ctx, area === 'figures' ? undefined : neededScope)
      portals.set(ctx, portal)
      countAs(ctx, portal)
      await routes(ctx as never, () => Promise.reject(new BrokerError('not_found')))
    } catch (error) {
      const code = codeOf(error)
      report(log, ctx, code, error)
      answerProblem(ctx, code, error)
      challenge(ctx, errorTable[code].status)
    }
    return undefined
  }
}

function accountState(
  row: AccountRow,
  id: string,
  clientId: string,
  sub: (subjectId: string) => string | undefined,
) {
  return {
    id,
    ...(row.clientId !== clientId && { portal: row.clientId }),
    state: row.state,
    ...(row.subjectId !== null && {
      sub: sub(row.subjectId),
      method: row.method,
      linked_at: row.linkedAt,
      primary: row.isPrimary,
    }),
    classes: classesOf(row.classes),
    imported_at: row.importedAt,
  }
}

/** Sets `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1). Without a token in the request it contains no error code. */
function challenge(ctx: Context, status: number): void {
  const algs = `algs="${proofAlgorithms.join(' ')}"`
  const isProven = /^dpop /i.test(ctx.get('authorization'))
  const withError = (error: string) =>
    isProven ? `DPoP error="${error}", ${algs}` : `Bearer error="${error}"`
  if (status === 401)
    ctx.set(
      'www-authenticate',
      ctx.get('authorization') === '' ? `Bearer, DPoP ${algs}` : withError('invalid_token'),
    )
  if (status === 403)
    ctx.set('www-authenticate', `${withError('insufficient_scope')}, scope="${neededScope}"`)
}
