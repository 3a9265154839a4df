/** What the citizen sees of an account that the portal vouches for: a question, or how it went. */
import type { Context } from 'koa'
import type { LinkOutcome, Question } from '../mapping/vouching.ts'
import type { IdentityRecord } from '../oidc/identity-record.ts'
import { legacyAccountOf } from '../oidc/legacy-account.ts'
import { linkPage, linkToldPage } from '../pages/link.ts'
import type { Parts } from '../parts.ts'
import { loginFrame, wishOf } from './page.ts'
import type { Interaction, PendingLogin } from './trip.ts'

/** What is kept while the page waits. */
export interface LinkQuestion {
  readonly interaction: Interaction
  readonly subjectId: string
  readonly identity: IdentityRecord
  readonly answer: Question | LinkOutcome
  /** Of the request that found the answer. */
  readonly reference: string
}

export const accountIn = ({ params }: Interaction) => legacyAccountOf(params)!
/** The portal whose account it is, where that is not the one that asks. */
export const formerIn = ({ interaction, client }: PendingLogin): string | undefined => {
  const { owner } = accountIn(interaction)
  return owner === client.clientId ? undefined : owner
}

export function pageOf(
  ctx: Context,
  { config, registry }: Pick<Parts, 'config' | 'registry'>,
  login: PendingLogin,
  { identity, answer, reference }: LinkQuestion,
): string {
  const former = formerIn(login)
  const frame = {
    ...loginFrame(ctx, { config }, login),
    account: accountIn(login.interaction).id,
    ...(former !== undefined && { accountPortal: registry.nameOf(former) }),
    formAction: `${ctx.path}${wishOf(ctx)}`,
  }
  if (answer.outcome !== 'ask')
    return linkToldPage({
      ...frame,
      isRefused: answer.outcome === 'refused',
      reason: answer.reason,
      reference,
    })
  const { name, number } = identity
  return linkPage({ ...frame, name, numberEnd: number.slice(-3), lockedFrom: answer.lockedFrom })
}
