/**
 * The page about an account that the portal vouches for. It is shown after the citizen returns from VNeID and before the
 * portal gets its answer. The login waits in one sealed record of the state store. The POST takes that record, so of two
 * clicks only one counts.
 */
import Router from '@koa/router'
import type { Context, Middleware, Next } from 'koa'
import { BrokerError } from '../errors.ts'
import { referenceOf } from '../http/boundary.ts'
import { readForm } from '../http/posted-form.ts'
import { actsForSelf } from '../mapping/linking.ts'
import type { LinkOutcome, Question, Vouching } from '../mapping/vouching.ts'
import type { Arrival } from '../oidc/arrival.ts'
import { fromRecord, toRecord } from '../oidc/identity-record.ts'
import { sessionOf } from '../oidc/logout.ts'
import { type Payload, currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import type { Parts } from '../parts.ts'
import { continueTrace } from '../telemetry/tracing.ts'
import { type LinkQuestion, accountIn, formerIn, pageOf } from './link-page.ts'
import { sendPage, localeQuery } from './page.ts'
import type { Resume } from './resume.ts'
import type { PendingLogin, PendingLogins, Trips } from './trip.ts'

/** Seconds that the page waits for an answer. It is short so that the next person at a shared computer cannot answer it. */
export const linkPageTtl = 120

/** The person and what the rules answered, before they are stored as a `LinkQuestion`. */
type Asked = Pick<LinkQuestion, 'subjectId' | 'identity' | 'answer'>

export interface LinkRoutes {
  readonly routes: Middleware
  /** Continues a login whose request names an account, for a person who has just returned from VNeID. */
  begin(ctx: Context, login: PendingLogin, arrival: Arrival, next: Next): Promise<void>
}

export function createLinkRoutes({
  config,
  provider,
  registry,
  links: currentLinks,
  trips,
  pending,
  vouching,
  resume,
}: Pick<Parts, 'config' | 'provider' | 'registry' | 'links'> & {
  trips: Trips
  pending: PendingLogins
  vouching: Vouching
  resume: Resume
}): LinkRoutes {
  const router = new Router()
  const questionKey = (uid: string) => keyOf('LinkQuestion', uid)

  router.get('link', '/interaction/:state/link', async (ctx) => {
    const secrets = recognise(ctx)
    const question = found(await currentUnit().read(questionKey(secrets.uid)))
    await assertSamePerson(ctx, question.subjectId)
    const login = await pending.restore(question.interaction, secrets)
    sendPage(ctx, pageOf(ctx, { config, registry }, login, question), { form: true })
  })

  router.post('link', '/interaction/:state/link', async (ctx, next) => {
    const secrets = recognise(ctx)
    const choice = new URLSearchParams(await readForm(ctx)).get('choice')
    const question = found(await currentUnit().take(questionKey(secrets.uid)))
    // The callback took the engine's own interaction record, and its `exp` may have passed.
    const interaction = { ...question.interaction, exp: Math.floor(Date.now() / 1000) + 60 }
    const login = await pending.restore(interaction, secrets)
    const isQuestion = question.answer.outcome === 'ask'
    let decided: { answer: Question | LinkOutcome; arrival: Arrival }
    try {
      decided = await decide(ctx, login, question, choice)
    } catch (error) {
      delete interaction.session
      return resume.refuse(ctx, login, error, next)
    }
    const { answer, arrival } = decided
    // The situation changed between page and answer, so the citizen sees the new result first.
    if (answer.outcome === 'ask' || (isQuestion && isTold(answer)))
      return ask(ctx, login, { ...question, answer })
    return enter(ctx, login, arrival, answer, next)
  })

  const recognise = (ctx: Context) => trips.recognise(ctx, ctx['params'].state as string)
  const found = (kept: Payload | undefined): LinkQuestion => {
    if (kept === undefined) throw new BrokerError('interaction_gone')
    const question = kept as unknown as LinkQuestion
    continueTrace(question.interaction.trace)
    return question
  }

  /** @throws BrokerError `login_mismatch` if another person has signed in with this browser since the page was shown */
  async function assertSamePerson(ctx: Context, subjectId: string) {
    const session = await sessionOf(provider, ctx)
    if (session?.accountId !== undefined && session.accountId !== subjectId)
      throw new BrokerError('login_mismatch')
  }

  /** Applies the citizen's choice, if there was one. @returns the outcome, and the person with the current links */
  async function decide(ctx: Context, login: PendingLogin, question: LinkQuestion, choice: string | null) {
    const { subjectId } = question
    const { clientId } = login.client
    const identity = fromRecord(question.identity)
    await assertSamePerson(ctx, subjectId)
    let links = await currentLinks(subjectId, clientId)
    if (links === undefined) throw new BrokerError('subject_disabled')
    let { answer } = question
    if (answer.outcome === 'ask') {
      answer = { outcome: 'declined' }
      if (choice === 'link') {
        answer = await settle(ctx, login, { subjectId, identity }, true)
        links = await currentLinks(subjectId, clientId)
      }
    }
    const own = actsForSelf(identity.kind) ? (links ?? []) : []
    return { answer, arrival: { subjectId, identity, links: own } }
  }

  function settle(
    ctx: Context,
    { interaction, client }: PendingLogin,
    { subjectId, identity }: Pick<Arrival, 'subjectId' | 'identity'>,
    agreed: boolean,
  ) {
    const { id: accountId, owner } = accountIn(interaction)
    const request = interaction.parJti === undefined ? 'signed' : 'pushed'
    const about = { accountId, owner, request, reference: referenceOf(ctx) } as const
    return vouching.settle({ ...about, clientId: client.clientId, subjectId, person: identity }, agreed)
  }

  /** Stores the question and redirects to its page. */
  function ask(ctx: Context, { interaction, transaction }: PendingLogin, asked: Asked) {
    const { subjectId, identity, answer } = asked
    const question: LinkQuestion = { interaction, subjectId, identity, answer, reference: referenceOf(ctx) }
    // The question takes the place of the interaction: the request cannot begin another trip.
    currentUnit().delete(keyOf('Interaction', interaction.uid))
    currentUnit().put(questionKey(interaction.uid), question as unknown as Payload, linkPageTtl)
    ctx.redirect(`${config.issuer}/interaction/${transaction.state}/link${localeQuery(ctx)}`)
    ctx.status = 303
  }

  function enter(ctx: Context, login: PendingLogin, arrival: Arrival, outcome: LinkOutcome, next: Next) {
    const { id } = accountIn(login.interaction)
    const portal = formerIn(login)
    const linkOutcome = { id, ...(portal !== undefined && { portal }), ...outcome }
    return resume.enter(ctx, login, { ...arrival, linkOutcome }, next)
  }

  return {
    routes: router.routes() as unknown as Middleware,
    async begin(ctx, login, arrival, next) {
      const { subjectId, identity } = arrival
      let answer: Question | LinkOutcome
      try {
        answer = await settle(ctx, login, arrival, false)
      } catch (error) {
        return resume.refuse(ctx, login, error, next)
      }
      return answer.outcome === 'ask' || isTold(answer)
        ? ask(ctx, login, { subjectId, identity: toRecord(identity), answer })
        : enter(ctx, login, arrival, answer, next)
    },
  }
}

/** Whether the citizen sees the outcome. An unknown or ambiguous account is the portal's fault, and the citizen continues without a page. */
const isTold = ({ outcome, reason }: LinkOutcome): boolean =>
  outcome === 'in_review' || (outcome === 'refused' && reason !== 'unknown_account' && reason !== 'ambiguous')
