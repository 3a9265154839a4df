/** The citizen's way through us: notice, trip to VNeID, callback, resumption. */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { referenceOf } from '../http/boundary.ts'
import { awaySeconds, trips } from '../telemetry/metrics.ts'
import { createSubOf } from '../oidc/accounts.ts'
import { legacyAccountOf } from '../oidc/legacy-account.ts'
import { freshness, requirementOf, subjectsAsked } from '../oidc/policy.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import { pageHeaders } from '../pages/csp.ts'
import { noticePage } from '../pages/notice.ts'
import { continueTrace, traced } from '../telemetry/tracing.ts'
import type { Identity, Upstream } from '../upstream/upstream.ts'
import { localeOf, readBrowser } from './browser.ts'
import type { Ending, Interaction } from './ending.ts'
import type { Face } from './face.ts'
import type { LinkRoutes } from './link-routes.ts'
import type { SignIn, SignedIn } from './sign-in.ts'
import type { Transactions } from './transaction.ts'

export function createLoginRoutes({
  config,
  upstream,
  transactions,
  signIn,
  face,
  ending,
  beginLink,
}: {
  config: Config
  upstream: Upstream
  transactions: Transactions
  signIn: SignIn
  face: Face
  ending: Ending
  beginLink: LinkRoutes['begin']
}): Middleware {
  const router = new Router()
  const subOf = createSubOf(config.keys.pairwise)
  const stateOf = (ctx: Context) => new URLSearchParams(ctx.querystring).get('state')

  /** The live interaction that this browser began. */
  async function pending(ctx: Context) {
    const trip = transactions.recognise(ctx['params'].state as string, readBrowser(ctx)?.id)
    const interaction = (await currentUnit().read(keyOf('Interaction', trip.uid))) as Interaction | undefined
    if (interaction === undefined) throw new BrokerError('interaction_gone')
    continueTrace(interaction.trace)
    return {
      uid: trip.uid,
      state: trip.state,
      interaction: { ...interaction, uid: trip.uid },
      client: await ending.clientOf(interaction),
    }
  }

  router.get('notice', '/interaction/:state', async (ctx) => {
    const { interaction, client, state } = await pending(ctx)
    const locale = localeOf(ctx, interaction.params['ui_locales'])
    const chosen = 'ui_locales' in ctx.query ? `?ui_locales=${locale}` : ''
    ctx.set(pageHeaders())
    ctx.body = noticePage({
      locale,
      hotline: config.hotline,
      portalName: client.clientName ?? client.clientId,
      scopes: ((interaction.params['scope'] as string | undefined) ?? '').split(' ').filter(Boolean),
      startUrl: `/interaction/${state}/start${chosen}`,
      cancelUrl: `/interaction/${state}/cancel`,
      switchUrl: `${ctx.path}?ui_locales=${locale === 'vi' ? 'en' : 'vi'}`,
    })
  })

  router.get('start', '/interaction/:state/start', async (ctx, next) => {
    const { uid, interaction, client } = await pending(ctx)
    try {
      ctx.redirect(await face.leave(ctx, interaction, client))
      ctx.status = 303
    } catch (error) {
      await currentUnit().take(keyOf('Interaction', uid))
      await ending.refuse(ctx, { uid, interaction, client }, error, next)
    }
  })

  router.get('cancel', '/interaction/:state/cancel', async (ctx, next) => {
    const { uid, interaction } = await pending(ctx)
    if ((await currentUnit().take(keyOf('Interaction', uid))) === undefined)
      throw new BrokerError('interaction_gone')
    return ending.finish(
      ctx,
      { uid, interaction },
      { error: 'access_denied', error_description: 'the citizen went back' },
      next,
    )
  })

  router.get('callback', '/callback', async (ctx, next) => {
    const trip = transactions.recognise(stateOf(ctx), readBrowser(ctx)?.id)
    // Taken, not read: of two callbacks for one trip, one goes on.
    const interaction = (await currentUnit().take(keyOf('Interaction', trip.uid))) as Interaction | undefined
    if (interaction === undefined) throw new BrokerError('interaction_gone')
    continueTrace(interaction.trace)
    trips.inc({ step: 'returned' })
    awaySeconds.observe(Math.max(0, Date.now() / 1000 - interaction.iat))
    const taken = { uid: trip.uid, interaction, client: await ending.clientOf(interaction) }
    const { client } = taken
    const legacyAccount = legacyAccountOf(interaction.params)

    let identity: Identity | undefined
    let signedIn: SignedIn & { readonly identity: Identity }
    try {
      const maxAge = freshness(client, interaction.params, interaction.prompt.reasons)
      const came = await upstream.complete(ctx.querystring, {
        ...trip,
        begunAt: interaction.iat,
        ...(maxAge === undefined ? {} : { maxAge }),
      })
      identity = came
      const requirement = requirementOf(client, interaction.params)
      const asked = subjectsAsked(interaction.params)
      const isAskedFor = (id?: string) => asked.every((sub) => id !== undefined && sub === subOf(client, id))
      signedIn = {
        identity,
        ...(await traced('sign in', () =>
          signIn(came, { requirement, reference: referenceOf(ctx), sso: false, isAskedFor, legacyAccount }),
        )),
      }
    } catch (error) {
      const came = identity?.identifier
      // Who was refused is known to be here: the session of somebody else does not wait for the next request.
      if (came !== undefined) {
        await ending.endSessionUnless(
          ctx,
          interaction,
          (session) => session.identity?.number === came.reveal(),
        )
      }
      return ending.refuse(ctx, taken, error, next)
    }

    const { subjectId } = signedIn
    await ending.endSessionUnless(ctx, interaction, (session) => session.accountId === subjectId)
    return legacyAccount === undefined
      ? ending.enter(ctx, taken, signedIn, next)
      : beginLink(ctx, { ...taken, state: trip.state }, signedIn, next)
  })

  return router.routes() as unknown as Middleware
}
