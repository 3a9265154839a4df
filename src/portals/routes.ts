/** What a portal asks of its own legacy accounts. An account id may be a citizen's number: it travels in bodies only. */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { Client, Provider } from 'oidc-provider'
import { z } from 'zod'
import { type AuditEvent, announce } from '../audit.ts'
import { BrokerError, errorTable } from '../errors.ts'
import { codeOf, referenceOf, report } from '../http/boundary.ts'
import { parse, readJson } from '../http/input.ts'
import { answerProblem } from '../http/problem.ts'
import type { Log } from '../log.ts'
import { classesOf } from '../mapping/classes.ts'
import type { LegacyRecords } from '../mapping/record.ts'
import type { SubOf } from '../oidc/accounts.ts'
import { type AccountRow, findAccount } from '../store/accounts.ts'
import { insertAuditEvents } from '../store/audit.ts'
import { readLinkChanges } from '../store/changes.ts'
import { type Database, retried } from '../store/db.ts'
import { markPrimary } from '../store/links.ts'
import { createPortalAuthentication, neededScope, proofAlgorithms } from './authentication.ts'

/** Bytes. */
const longestBody = 8 * 1024

const accountBody = z.strictObject({ id: z.string().min(1).max(256) })
const changesQuery = z.strictObject({
  after: z
    .string()
    .regex(/^(0|[1-9]\d{0,17})$/, 'is no cursor')
    .default('0'),
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
  records,
  subOf,
  log,
}: {
  db: Database
  provider: Provider
  issuer: string
  records: LegacyRecords
  subOf: SubOf
  log: Log
}): Middleware {
  const authenticate = createPortalAuthentication({ provider, issuer })
  const router = new Router({ strict: true })
  const portalOf = (ctx: Context) => ctx.state['portal'] as Client
  const idIn = async (ctx: Context) => parse('the body', accountBody, await readJson(ctx, longestBody)).id

  /** Another portal's accounts are as unknown as those of nobody. */
  async function stateOf(client: Client, id: string) {
    const row = await findAccount(db, client.clientId, records.accountKey(client.clientId, id))
    if (row === undefined) throw new BrokerError('account_unknown')
    return accountState(row, id, (subjectId) => subOf(client, subjectId))
  }

  router.post('legacy_account_state', '/legacy-accounts/state', async (ctx) => {
    ctx.body = await stateOf(portalOf(ctx), await idIn(ctx))
  })

  router.post('legacy_account_primary', '/legacy-accounts/primary', async (ctx) => {
    const id = await idIn(ctx)
    const client = portalOf(ctx)
    const { clientId } = client
    const key = records.accountKey(clientId, id)
    const events = await retried(() =>
      db.transaction(async (tx) => {
        const account = await findAccount(tx, clientId, key)
        if (account === undefined) throw new BrokerError('account_unknown')
        if (account.isPrimary) return []
        const marked = await markPrimary(tx, clientId, key)
        if (marked === undefined) throw new BrokerError('state_conflict', `the account is ${account.state}`)
        const { linkId: link, subjectId } = marked
        const detail = { link, account: account.account }
        const about = { clientId, subjectId, actor: 'portal', reference: referenceOf(ctx), detail }
        const noted: AuditEvent[] = [{ event: 'link.primary', ...about }]
        await insertAuditEvents(tx, noted)
        return noted
      }),
    )
    announce(log, events)
    ctx.body = await stateOf(client, id)
  })

  router.get('legacy_account_changes', '/legacy-accounts/changes', async (ctx) => {
    const { after, limit } = parse('the query', changesQuery, { ...ctx.query })
    const client = portalOf(ctx)
    const { clientId } = client
    // One more than is told: whether there is more.
    const rows = await db.transaction((tx) => readLinkChanges(tx, { clientId, after, limit: limit + 1 }))
    if (rows === undefined) throw new BrokerError('input_invalid', 'after: was never given out')
    const told = rows.slice(0, limit)
    ctx.body = {
      changes: told.map(({ position, change, at, accountKey, sealed, subjectId, method }) => ({
        cursor: position,
        change,
        id: records.open(accountKey, sealed).accountId,
        sub: subOf(client, subjectId),
        method,
        at,
      })),
      next: told.at(-1)?.position ?? after,
      more: rows.length > limit,
    }
  })

  const routes = router.routes()
  return async function portalApi(ctx, next) {
    if (!/^\/legacy-accounts(\/|$)/.test(ctx.path)) return next()
    ctx.set('cache-control', 'no-store')
    try {
      ctx.state['portal'] = await authenticate(ctx)
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

function accountState(row: AccountRow, id: string, sub: (subjectId: string) => string | undefined) {
  return {
    id,
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

/** RFC 6750 §3, RFC 9449 §7.1; who brought no token is told of no error. */
function challenge(ctx: Context, status: number): void {
  const algs = `algs="${proofAlgorithms.join(' ')}"`
  const isProven = /^dpop /i.test(ctx.get('authorization'))
  const say = (error: string) => (isProven ? `DPoP error="${error}", ${algs}` : `Bearer error="${error}"`)
  if (status === 401)
    ctx.set(
      'www-authenticate',
      ctx.get('authorization') === '' ? `Bearer, DPoP ${algs}` : say('invalid_token'),
    )
  if (status === 403) ctx.set('www-authenticate', `${say('insufficient_scope')}, scope="${neededScope}"`)
}
