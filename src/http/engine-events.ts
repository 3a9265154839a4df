/** Turns the engine's events into log lines, metrics and spans. */
import type { KoaContextWithOIDC as EngineContext, Provider } from 'oidc-provider'
import { answeredAgain } from '../oidc/lost-answers.ts'
import type { Log } from '../telemetry/log.ts'
import { tallyLogout, tallyRefusal } from '../telemetry/tally.ts'
import { traced } from '../telemetry/tracing.ts'
import { knownSentence } from './engine-sentences.ts'
import { codeOf, referenceOf, report } from './boundary.ts'

/** Errors about the citizen. They are not counted here, because `login/` counts how each sign-in ends. */
const aboutTheCitizen = new Set([
  'access_denied',
  'interaction_required',
  'login_required',
  'server_error',
  'temporarily_unavailable',
  'unmet_authentication_requirements',
])

/** Endpoints that take a `client_id` without proof, so that anybody can name any portal. */
const unauthenticatedEvents = new Set(['authorization', 'end_session'])

/** The portal that a refused request provably comes from; undefined if the request only named the portal. */
function provenPortal(event: string, error: string, { oidc: { client } }: EngineContext): string | undefined {
  if (unauthenticatedEvents.has(event) || error === 'invalid_client') return undefined
  return client?.clientAuthMethod === 'none' ? undefined : client?.clientId
}

export function listenToEngine({ provider, log }: { provider: Provider; log: Log }): void {
  provider.on('server_error', (ctx, error) => report(log, ctx, codeOf(error), error))
  for (const event of [
    'authorization',
    'grant',
    'userinfo',
    'introspection',
    'pushed_authorization_request',
    'revocation',
    'end_session',
  ] as const) {
    provider.on(`${event}.error` as 'grant.error', (ctx, error) => {
      if (!aboutTheCitizen.has(error.error))
        tallyRefusal(event, error.error, provenPortal(event, error.error, ctx))
      log.info({
        event: `${event}.refused`,
        oauth: error.error,
        why: knownSentence(error.error_detail) ?? knownSentence(error.error_description),
        client: ctx.oidc.client?.clientId,
        reference: referenceOf(ctx),
      })
    })
  }

  provider.on(answeredAgain as 'grant.success', (ctx) =>
    log.info({
      event: answeredAgain,
      client: ctx.oidc.client?.clientId,
      reference: referenceOf(ctx),
    }),
  )

  for (const token of ['authorization_code', 'access_token', 'refresh_token'] as const)
    provider.on(
      `${token}.saved` as 'access_token.saved',
      () => void traced(`issue ${token}`, () => Promise.resolve()),
    )

  provider.on('backchannel.success', (_ctx, client) => tallyLogout(client.clientId, 'delivered'))
  provider.on('backchannel.error', (_ctx, error, client) => {
    tallyLogout(client.clientId, 'failed')
    log.warn({ event: 'logout.undelivered', client: client.clientId, err: error })
  })
}
