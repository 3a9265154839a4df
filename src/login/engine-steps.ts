/** Two hooks that the engine calls in the middle of a request: where the browser goes, and whether a session still serves. */
import type { Context } from 'koa'
import { referenceOf } from '../http/boundary.ts'
import { toEngineError } from '../oidc/engine-error.ts'
import { refusalAfterLogin } from '../oidc/policy.ts'
import type { CitizenSteps } from '../oidc/provider.ts'
import { BrokerError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import { noteRefusal } from './refusal.ts'
import type { SignIn } from './sign-in.ts'
import type { Trips } from './trip.ts'

export function createEngineSteps({
  db,
  log,
  trips,
  signIn,
}: Pick<Parts, 'db' | 'log'> & { trips: Trips; signIn: SignIn }): CitizenSteps {
  /** Logs and audits a refusal, then hands it to the engine, which answers the portal. */
  async function refusing<T>(ctx: Context, clientId: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step()
    } catch (error) {
      await noteRefusal({ db, log }, ctx, clientId, error)
      throw toEngineError(error)
    }
  }

  return {
    async interactionUrl(ctx, interaction) {
      const client = ctx.oidc.client!
      if (interaction.lastSubmission?.login !== undefined) throw refusalAfterLogin(interaction.prompt.reasons)
      return refusing(ctx, client.clientId, () => trips.begin(ctx, { interaction, client }))
    },

    admitAgain: (identity, requirement, ctx) =>
      refusing(ctx, requirement.clientId, async () => {
        const { subjectId, links } = await signIn(identity, {
          requirement,
          reference: referenceOf(ctx),
          sso: true,
        })
        if (subjectId !== ctx.oidc.session?.accountId) throw new BrokerError('identifier_cancelled')
        return links
      }),
  }
}
