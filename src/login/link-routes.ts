/**
 * The portal vouches for an old account: the citizen, back from VNeID, is asked or told. Between page and decision
 * everything lies in one sealed record, which the decision takes: of two clicks one counts.
 */
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import type { Client, Provider } from 'oidc-provider'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { referenceOf } from '../http/boundary.ts'
import { readForm } from '../http/posted-form.ts'
import { actsForSelf } from '../mapping/linking.ts'
import type { CurrentLinks } from '../mapping/links.ts'
import type { LinkOutcome, Vouching, Question } from '../mapping/vouching.ts'
import { type IdentityRecord, fromRecord, toRecord } from '../oidc/identity-record.ts'
import { legacyAccountOf } from '../oidc/legacy-account.ts'
import { sessionOf } from '../oidc/logout.ts'
import { type Payload, currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import { pageHeaders } from '../pages/csp.ts'
import { linkPage, linkToldPage } from '../pages/link.ts'
import { continueTrace } from '../telemetry/tracing.ts'
import { localeOf, readBrowser } from './browser.ts'
import type { Ending, Interaction, Taken } from './ending.ts'
import type { SignedIn } from './sign-in.ts'
import type { Transactions } from './transaction.ts'
import type { Identity } from '../upstream/upstream.ts'

/** Seconds that the page waits for the citizen: the next person at a shared computer must not find it. */
export const patience = 120

interface Waiting {
  readonly interaction: Interaction
  readonly subjectId: string
  readonly identity: IdentityRecord
  readonly answer: Question | LinkOutcome
  /** Of the request that found the answer. */
  readonly reference: string
}

export interface LinkRoutes {
  readonly routes: Middleware
  /** For a person who has just come back from VNeID with a request that names an account. */
  begin(
    ctx: Context,
    taken: Taken & { readonly state: string },
    signedIn: SignedIn & { readonly identity: Identity },
    next: () => Promise<unknown>,
  ): Promise<void>
}

export function createLinkRoutes({
  config,
  provider,
  transactions,
  vouching,
  links: currentLinks,
  ending,
  nameOf,
}: {
  config: Config
  provider: Provider
  transactions: Transactions
  vouching: Vouching
  links: CurrentLinks
  ending: Ending
  /** As citizens know a portal, in service or not. */
  nameOf: (clientId: string) => string
}): LinkRoutes {
  const router = new Router()
  const accountIn = ({ params }: Interaction) => legacyAccountOf(params)!
  /** The portal whose account it is, where that is not the one that asks. */
  const formerIn = (interaction: Interaction, { clientId }: Client) => {
    const { owner } = accountIn(interaction)
    return owner === clientId ? undefined : owner
  }

  const settle = (
    ctx: Context,
    { interaction, client }: Taken,
    { subjectId, identity }: { subjectId: string; identity: Identity },
    agreed: boolean,
  ) =>
    vouching.settle(
      {
        clientId: client.clientId,
        accountId: accountIn(interaction).id,
        owner: accountIn(interaction).owner,
        subjectId,
        person: identity,
        request: interaction.parJti === undefined ? 'signed' : 'pushed',
        reference: referenceOf(ctx),
      },
      agreed,
    )

  /** To the page. */
  function wait(ctx: Context, uid: string, state: string, waiting: Omit<Waiting, 'reference'>) {
    const record: Waiting = { ...waiting, reference: referenceOf(ctx) }
    currentUnit().put(keyOf('LinkQuestion', uid), record as unknown as Payload, patience)
    ctx.redirect(`${config.issuer}/interaction/${state}/link${wishOf(ctx)}`)
    ctx.status = 303
  }
  /** The language chosen on the page goes on with the form. */
  const wishOf = (ctx: Context) => ('ui_locales' in ctx.query ? `?ui_locales=${localeOf(ctx)}` : '')
  const enter = (
    ctx: Context,
    taken: Taken,
    arrival: SignedIn & { identity: Identity },
    outcome: LinkOutcome,
    next: () => Promise<unknown>,
  ) => {
    const { id } = accountIn(taken.interaction)
    const portal = formerIn(taken.interaction, taken.client)
    const linkOutcome = { id, ...(portal !== undefined && { portal }), ...outcome }
    return ending.enter(ctx, taken, { ...arrival, linkOutcome }, next)
  }

  /** Another person has signed in here meanwhile: what the one before was asked is nobody's any more. */
  async function assertSamePerson(ctx: Context, subjectId: string) {
    const session = await sessionOf(provider, ctx)
    if (session?.accountId !== undefined && session.accountId !== subjectId)
      throw new BrokerError('login_mismatch')
  }
  const recognise = (ctx: Context) =>
    transactions.recognise(ctx['params'].state as string, readBrowser(ctx)?.id)

  router.get('link', '/interaction/:state/link', async (ctx) => {
    const { uid } = recognise(ctx)
    const waiting = (await currentUnit().read(keyOf('LinkQuestion', uid))) as Waiting | undefined
    if (waiting === undefined) throw new BrokerError('interaction_gone')
    continueTrace(waiting.interaction.trace)
    await assertSamePerson(ctx, waiting.subjectId)
    const { interaction, identity, answer, reference } = waiting
    const client = await ending.clientOf(interaction)
    const locale = localeOf(ctx, interaction.params['ui_locales'])
    const former = formerIn(interaction, client)
    const frame = {
      locale,
      hotline: config.hotline,
      switchUrl: `${ctx.path}?ui_locales=${locale === 'vi' ? 'en' : 'vi'}`,
      portalName: client.clientName ?? client.clientId,
      account: accountIn(interaction).id,
      ...(former !== undefined && { accountPortal: nameOf(former) }),
      formAction: `${ctx.path}${wishOf(ctx)}`,
    }
    ctx.set(pageHeaders({ form: true }))
    ctx.body =
      answer.outcome === 'ask'
        ? linkPage({
            ...frame,
            name: identity.name,
            numberEnd: identity.number.slice(-3),
            lockedFrom: answer.lockedFrom,
          })
        : linkToldPage({
            ...frame,
            isRefused: answer.outcome === 'refused',
            reason: answer.reason,
            reference,
          })
  })

  router.post('link', '/interaction/:state/link', async (ctx, next) => {
    const { uid, state } = recognise(ctx)
    const choice = new URLSearchParams(await readForm(ctx)).get('choice')
    const waiting = (await currentUnit().take(keyOf('LinkQuestion', uid))) as Waiting | undefined
    if (waiting === undefined) throw new BrokerError('interaction_gone')
    continueTrace(waiting.interaction.trace)
    const { subjectId } = waiting
    const identity = fromRecord(waiting.identity)
    // The engine's own record ended with the trip to VNeID, and its time may have, too.
    const interaction = { ...waiting.interaction, exp: Math.floor(Date.now() / 1000) + 60 }
    const taken = { uid, interaction, client: await ending.clientOf(interaction) }
    const isQuestion = waiting.answer.outcome === 'ask'

    let answer: Question | LinkOutcome
    let links: Awaited<ReturnType<CurrentLinks>>
    try {
      await assertSamePerson(ctx, subjectId)
      links = await currentLinks(subjectId, taken.client.clientId)
      if (links === undefined) throw new BrokerError('subject_disabled')
      if (!isQuestion) answer = waiting.answer
      else if (choice !== 'link') answer = { outcome: 'declined' }
      else {
        answer = await settle(ctx, taken, { subjectId, identity }, true)
        links = await currentLinks(subjectId, taken.client.clientId)
      }
    } catch (error) {
      delete interaction.session
      return ending.refuse(ctx, taken, error, next)
    }
    // Things changed between page and decision: the citizen is told first.
    if (answer.outcome === 'ask' || (isQuestion && isTold(answer)))
      return wait(ctx, uid, state, { interaction, subjectId, identity: waiting.identity, answer })
    const own = actsForSelf(identity.kind) ? (links ?? []) : []
    return enter(ctx, taken, { subjectId, identity, links: own }, answer, next)
  })

  return {
    routes: router.routes() as unknown as Middleware,
    async begin(ctx, taken, signedIn, next) {
      const { uid, interaction, state } = taken
      const { subjectId, identity } = signedIn
      let answer: Question | LinkOutcome
      try {
        answer = await settle(ctx, taken, signedIn, false)
      } catch (error) {
        return ending.refuse(ctx, taken, error, next)
      }
      return answer.outcome === 'ask' || isTold(answer)
        ? wait(ctx, uid, state, { interaction, subjectId, identity: toRecord(identity), answer })
        : enter(ctx, taken, signedIn, answer, next)
    },
  }
}

/** Whether a portal knows its own accounts is the portal's concern: for an unknown or unclear one nobody is stopped. */
const isTold = ({ outcome, reason }: LinkOutcome): boolean =>
  outcome === 'in_review' || (outcome === 'refused' && reason !== 'unknown_account' && reason !== 'ambiguous')
