/** The citizen's way through us: notice, trip to VNeID, callback, resumption. */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { Client, Provider } from 'oidc-provider'
import type { Config } from '../config.ts'
import { BrokerError } from '../errors.ts'
import { referenceOf } from '../http/boundary.ts'
import type { Log } from '../log.ts'
import { upstreamCalls } from '../metrics.ts'
import { createPairwiseIdentifier } from '../oidc/accounts.ts'
import { acrOf } from '../oidc/acr.ts'
import type { Arrival } from '../oidc/grants.ts'
import type { BrokerSession } from '../oidc/identity-record.ts'
import { endSession, sessionOf } from '../oidc/logout.ts'
import { freshness, requirementOf, subjectsAsked } from '../oidc/policy.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import { pageHeaders } from '../pages/csp.ts'
import { noticePage } from '../pages/notice.ts'
import type { Db } from '../store/db.ts'
import type { Identity, Upstream } from '../upstream/upstream.ts'
import { localeOf, readBrowser } from './browser.ts'
import type { Face, Pending } from './face.ts'
import { resumeInEngine } from './hand-off.ts'
import { recordRefusal, recordSessionEnd } from './record.ts'
import type { SignIn, SignedIn } from './sign-in.ts'
import type { Transactions } from './transaction.ts'

type Interaction = Pending & { session?: unknown; returnTo: string; result?: unknown; exp: number }

export function createLoginRoutes({
  config,
  db,
  provider,
  upstream,
  transactions,
  signIn,
  face,
  log,
}: {
  config: Config
  db: Db
  provider: Provider
  upstream: Upstream
  transactions: Transactions
  signIn: SignIn
  face: Face
  log: Log
}): Middleware {
  const router = new Router()
  const pairwise = createPairwiseIdentifier(config.keys.pairwise)
  const subOf = (client: Client, subjectId: string) =>
    client.subjectType === 'pairwise' ? pairwise(undefined, subjectId, client) : subjectId
  const stateOf = (ctx: Context) => new URLSearchParams(ctx.querystring).get('state')

  /** The live interaction that this browser began. */
  async function pending(ctx: Context) {
    const trip = transactions.recognise(ctx['params'].state as string, readBrowser(ctx)?.id)
    const interaction = (await currentUnit().read(keyOf('Interaction', trip.uid))) as Interaction | undefined
    if (interaction === undefined) throw new BrokerError('interaction_gone')
    return {
      uid: trip.uid,
      state: trip.state,
      interaction: { ...interaction, uid: trip.uid },
      client: await clientOf(interaction),
    }
  }
  async function clientOf({ params }: Pending) {
    const client = await provider.Client.find(String(params['client_id']))
    if (client === undefined) throw new BrokerError('interaction_gone', 'the portal is no longer registered')
    return client
  }
  /** Ends the interaction with what the portal shall hear, in this same request. */
  function finish(
    ctx: Context,
    uid: string,
    interaction: Interaction,
    result: object,
    next: () => Promise<unknown>,
  ) {
    currentUnit().pretend(keyOf('Interaction', uid), { ...interaction, result })
    return resumeInEngine(ctx, uid, next)
  }

  /** The portal hears of it while its request is alive. */
  async function refuse(
    ctx: Context,
    { uid, interaction, client }: { uid: string; interaction: Interaction; client: Client },
    error: unknown,
    next: () => Promise<unknown>,
  ) {
    const { code, oauth } = await recordRefusal({ db, log }, ctx, client.clientId, error)
    const result = { error: oauth, error_description: `${code} (${referenceOf(ctx)})` }
    return finish(ctx, uid, interaction, result, next)
  }
  /** Another person at a shared computer: nothing of the one before may be inherited. */
  async function endSessionUnless(
    ctx: Context,
    interaction: Interaction,
    isSame: (session: BrokerSession) => boolean,
  ) {
    const session = await sessionOf(provider, ctx)
    if (session?.accountId === undefined || isSame(session)) return
    await endSession(provider, session, log)
    delete interaction.session
    await recordSessionEnd({ db, log }, ctx, session.accountId, 'another_person')
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
      await refuse(ctx, { uid, interaction, client }, error, next)
    }
  })

  router.get('cancel', '/interaction/:state/cancel', async (ctx, next) => {
    const { uid, interaction } = await pending(ctx)
    if ((await currentUnit().take(keyOf('Interaction', uid))) === undefined)
      throw new BrokerError('interaction_gone')
    return finish(
      ctx,
      uid,
      interaction,
      { error: 'access_denied', error_description: 'the citizen went back' },
      next,
    )
  })

  router.get('callback', '/callback', async (ctx, next) => {
    const trip = transactions.recognise(stateOf(ctx), readBrowser(ctx)?.id)
    // Taken, not read: of two callbacks for one trip, one goes on.
    const interaction = (await currentUnit().take(keyOf('Interaction', trip.uid))) as Interaction | undefined
    if (interaction === undefined) throw new BrokerError('interaction_gone')
    const client = await clientOf(interaction)

    let identity: Identity | undefined
    let signedIn: SignedIn & Arrival
    try {
      const maxAge = freshness(client, interaction.params, interaction.prompt.reasons)
      const measure = upstreamCalls.startTimer()
      const completing = upstream.complete(ctx.querystring, {
        ...trip,
        begunAt: interaction.iat,
        ...(maxAge === undefined ? {} : { maxAge }),
      })
      void completing.then(
        () => measure({ outcome: 'identity' }),
        () => measure({ outcome: 'failure' }),
      )
      identity = await completing
      const requirement = requirementOf(client, interaction.params)
      const asked = subjectsAsked(interaction.params)
      const isAskedFor = (id?: string) => asked.every((sub) => id !== undefined && sub === subOf(client, id))
      signedIn = {
        identity,
        ...(await signIn(identity, { requirement, reference: referenceOf(ctx), sso: false, isAskedFor })),
      }
    } catch (error) {
      const came = identity?.identifier
      // Who was refused is known to be here: the session of somebody else does not wait for the next request.
      if (came !== undefined) {
        await endSessionUnless(ctx, interaction, (session) => session.identity?.number === came.reveal())
      }
      return refuse(ctx, { uid: trip.uid, interaction, client }, error, next)
    }

    const { subjectId } = signedIn
    await endSessionUnless(ctx, interaction, (session) => session.accountId === subjectId)
    ctx.state['signedIn'] = signedIn
    const login = {
      accountId: subjectId,
      // The cookie ends with the browser: counter PCs are shared.
      remember: false,
      ts: identity.authenticatedAt,
      ...(identity.level === undefined ? {} : { acr: acrOf(identity.level) }),
    }
    return finish(ctx, trip.uid, interaction, { login, consent: {} }, next)
  })

  return router.routes() as unknown as Middleware
}
