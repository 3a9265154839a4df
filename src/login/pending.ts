/** Which login a request of the browser belongs to: read, or taken so that it goes on once. */
import type { Context } from 'koa'
import type { Client } from 'oidc-provider'
import { BrokerError } from '../errors.ts'
import { currentUnit, keyOf } from '../oidc/unit-of-work.ts'
import type { Parts } from '../parts.ts'
import { awaySeconds, trips as tripsMade } from '../telemetry/metrics.ts'
import { continueTrace } from '../telemetry/tracing.ts'
import { type Interaction, type PendingLogin, type Secrets, type Trips, transactionOf } from './trip.ts'

export interface PendingLogins {
  /** The one that the path names. @throws BrokerError `interaction_gone`, `portal_not_in_service` */
  find(ctx: Context): Promise<PendingLogin>
  /** @returns true to exactly one of several requests that end one login */
  take(login: PendingLogin): Promise<boolean>
  /** The one that comes back from VNeID, taken: of two callbacks for one trip, one goes on. @throws as `find` */
  takeReturned(ctx: Context): Promise<PendingLogin>
  /** One whose interaction was kept elsewhere. @throws BrokerError `interaction_gone`, `portal_not_in_service` */
  restore(interaction: Interaction, secrets: Secrets): Promise<PendingLogin>
}

export function createPendingLogins({
  provider,
  registry,
  trips,
}: Pick<Parts, 'provider' | 'registry'> & { trips: Trips }): PendingLogins {
  async function clientOf({ params }: Interaction): Promise<Client> {
    const id = String(params['client_id'])
    const client = await provider.Client.find(id)
    if (client === undefined && registry.isOutOfService(id)) throw new BrokerError('portal_not_in_service')
    if (client === undefined) throw new BrokerError('interaction_gone', 'the portal is no longer registered')
    return client
  }
  const found = (payload: unknown, uid: string): Interaction => {
    if (payload === undefined) throw new BrokerError('interaction_gone')
    const interaction = { ...(payload as Omit<Interaction, 'uid'>), uid }
    continueTrace(interaction.trace)
    return interaction
  }

  const self: PendingLogins = {
    async find(ctx) {
      const secrets = trips.recognise(ctx, ctx['params'].state as string)
      const { uid } = secrets
      return self.restore(found(await currentUnit().read(keyOf('Interaction', uid)), uid), secrets)
    },

    take: async ({ interaction: { uid } }) =>
      (await currentUnit().take(keyOf('Interaction', uid))) !== undefined,

    async takeReturned(ctx) {
      const secrets = trips.recognise(ctx, new URLSearchParams(ctx.querystring).get('state'))
      const { uid } = secrets
      const interaction = found(await currentUnit().take(keyOf('Interaction', uid)), uid)
      tripsMade.inc({ step: 'returned' })
      awaySeconds.observe(Math.max(0, Date.now() / 1000 - interaction.iat))
      return self.restore(interaction, secrets)
    },

    async restore(interaction, secrets) {
      const client = await clientOf(interaction)
      return { interaction, client, transaction: transactionOf({ interaction, client }, secrets) }
    },
  }
  return self
}
