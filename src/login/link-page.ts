/** The page about an account that the portal vouches for: it asks whether the account is the citizen's, or shows the result. */
import type { Context } from 'koa'
import type { LinkOutcome, Question } from '../mapping/vouching.ts'
import type { IdentityRecord } from '../oidc/identity-record.ts'
import { legacyAccountOf } from '../oidc/legacy-account.ts'
import { linkPage, linkResultPage } from '../pages/link.ts'
import type { Parts } from '../parts.ts'
import { loginFrame, localeQuery } from './page.ts'
import type { Interaction, PendingLogin } from './trip.ts'

/** What the state store keeps while the page waits for the citizen's answer. */
export interface LinkQuestion {
  readonly interaction: Interaction
  readonly subjectId: string
  readonly identity: IdentityRecord
  readonly answer: Question | LinkOutcome
  /** Reference of the request that computed `answer`. */
  readonly reference: string
}

export const accountIn = ({ params }: Interaction) => legacyAccountOf(params)!
/** The portal that owns the account; undefined if it is the portal that sent the request. */
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
    formAction: `${ctx.path}${localeQuery(ctx)}`,
  }
  if (answer.outcome !== 'ask')
    return linkResultPage({
      ...frame,
      isRefused: answer.outcome === 'refused',
      reason: answer.reason,
      reference,
    })
  const { name, number } = identity
  return linkPage({ ...frame, name, numberEnd: number.slice(-3), lockedFrom: answer.lockedFrom })
}
