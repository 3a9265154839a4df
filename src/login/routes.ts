/** The routes of a login: the notice page with its two buttons, and the callback from VNeID. */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { BrokerError } from '../errors.ts'
import { referenceOf } from '../http/boundary.ts'
import { createSubOf } from '../oidc/accounts.ts'
import type { Arrival } from '../oidc/arrival.ts'
import { legacyAccountOf } from '../oidc/legacy-account.ts'
import { requirementOf, subjectsAsked } from '../oidc/policy.ts'
import type { Parts } from '../parts.ts'
import { noticePage } from '../pages/notice.ts'
import { traced } from '../telemetry/tracing.ts'
import type { Identity } from '../upstream/upstream.ts'
import type { LinkRoutes } from './link-routes.ts'
import { loginFrame, sendPage, localeQuery } from './page.ts'
import type { Resume } from './resume.ts'
import { handOver } from './session.ts'
import type { SignIn } from './sign-in.ts'
import type { PendingLogin, PendingLogins, Trips } from './trip.ts'

export function createLoginRoutes(
  parts: Pick<Parts, 'config' | 'db' | 'log' | 'provider' | 'upstream'> & {
    trips: Trips
    pending: PendingLogins
    signIn: SignIn
    resume: Resume
    beginLink: LinkRoutes['begin']
  },
): Middleware {
  const { config, upstream, trips, pending, signIn, resume, beginLink } = parts
  const router = new Router()
  const subOf = createSubOf(config.keys.pairwise)

  router.get('notice', '/interaction/:state', async (ctx) => {
    const login = await pending.find(ctx)
    const { interaction, transaction } = login
    const view = {
      ...loginFrame(ctx, { config }, login),
      scopes: ((interaction.params['scope'] as string | undefined) ?? '').split(' ').filter(Boolean),
      startUrl: `/interaction/${transaction.state}/start${localeQuery(ctx)}`,
      cancelUrl: `/interaction/${transaction.state}/cancel`,
    }
    sendPage(ctx, noticePage(view))
  })

  router.get('start', '/interaction/:state/start', async (ctx, next) => {
    const login = await pending.find(ctx)
    try {
      ctx.redirect(await trips.leave(ctx, login))
      ctx.status = 303
    } catch (error) {
      await pending.take(login)
      await resume.refuse(ctx, login, error, next)
    }
  })

  router.get('continue', '/interaction/:state/continue', async (ctx) => {
    ctx.redirect(await trips.leave(ctx, await pending.continue(ctx)))
    ctx.status = 303
  })

  router.get('cancel', '/interaction/:state/cancel', async (ctx, next) => {
    const login = await pending.find(ctx)
    if (!(await pending.take(login))) throw new BrokerError('interaction_gone')
    const result = { error: 'access_denied', error_description: 'the citizen cancelled on the notice page' }
    return resume.finish(ctx, login, result, next)
  })

  router.get('callback', '/callback', async (ctx, next) => {
    const login = await pending.takeReturned(ctx)
    let identity: Identity | undefined
    let arrival: Arrival
    try {
      identity = await upstream.complete(ctx.querystring, login.transaction)
      arrival = await admit(ctx, login, identity)
    } catch (error) {
      const came = identity?.identifier.reveal()
      // The refused person now uses this browser, so another person's session ends at once.
      if (came !== undefined)
        await handOver(parts, ctx, login, came, (session) => session.identity?.number === came)
      return resume.refuse(ctx, login, error, next)
    }
    const number = identity.identifier.reveal()
    const own = await handOver(parts, ctx, login, number, ({ accountId }) => accountId === arrival.subjectId)
    return legacyAccountOf(own.interaction.params) === undefined
      ? resume.enter(ctx, own, arrival, next)
      : beginLink(ctx, own, arrival, next)
  })

  async function admit(
    ctx: Context,
    { interaction: { params }, client }: PendingLogin,
    identity: Identity,
  ): Promise<Arrival> {
    const asked = subjectsAsked(params)
    const occasion = {
      requirement: requirementOf(client, params),
      reference: referenceOf(ctx),
      sso: false,
      isAskedFor: (id?: string) => asked.every((sub) => id !== undefined && sub === subOf(client, id)),
      legacyAccount: legacyAccountOf(params),
    }
    return { identity, ...(await traced('sign in', () => signIn(identity, occasion))) }
  }

  return router.routes() as unknown as Middleware
}
