/**
 * Our issuer, as relying parties see it. `oidc-provider` (the engine) implements the protocols; this room provides
 *
 *   provider.ts       its configuration: endpoints, features, lifetimes;
 *   adapter.ts        its storage, over the request's unit of work (`unit-of-work.ts`): every record is read once, and
 *                     all writes are sent in one round trip before the answer;
 *   key-store.ts      its signing keys, which change while it runs (`engine-keys.ts`), and their routes (`key-routes.ts`);
 *   policy.ts         what a portal and its request require of the citizen, and when that needs a trip to VNeID;
 *   grants.ts         what the portal is granted, by policy and without a consent page, with the identity and the links;
 *   accounts.ts       the claims that the portal receives, in the ID token and at userinfo;
 *   lost-answers.ts   repeats an answer of the token endpoint that got lost on its way;
 *   logout.ts         ends a session outside the engine's logout page.
 *
 * `login/` implements the citizen's side. This room does not import it and gets its functions as parameters: the URL for
 * an interaction (`steps.interactionUrl`), the check of a person in an existing session (`steps.admitAgain`), and the
 * pages. `arrival.ts` passes a person who has just returned from VNeID from the callback to the engine.
 */
import type { Middleware } from 'koa'
import type { Provider } from 'oidc-provider'
import { createSeal } from '../crypto/seal.ts'
import { createTransport, parseNetworks } from '../net/outgoing.ts'
import type { Parts } from '../parts.ts'
import { createAdapterFactory, mergeRecords } from './adapter.ts'
import { replaceKeys } from './engine-keys.ts'
import { createKeyRoutes } from './key-routes.ts'
import { repeatLostAnswers } from './lost-answers.ts'
import { type SigningKeys, openSigningKeys } from './key-store.ts'
import { type CitizenPages, type CitizenSteps, type DevicePages, createProvider, isFapi } from './provider.ts'
import { type UnitOfWork, beginUnitOfWork, runWithUnit } from './unit-of-work.ts'

export interface Oidc {
  readonly provider: Provider
  readonly signingKeys: SigningKeys
  readonly keyRoutes: Middleware
  readonly beginUnit: () => UnitOfWork
  /** Runs the rest of the request as one unit of work. */
  readonly unitOfWork: Middleware
}

export async function createOidc({
  config,
  db,
  state,
  log,
  registry,
  links,
  keySeal,
  periods,
  steps,
  pages,
  device,
  linkPageTtl,
  admitClient,
}: Pick<Parts, 'config' | 'db' | 'state' | 'log' | 'registry' | 'links' | 'keySeal' | 'periods'> & {
  steps: CitizenSteps
  pages: CitizenPages
  device: DevicePages
  /** Seconds by which a page of `login/` may outlast the interaction's own expiry. */
  linkPageTtl: number
  /** Throws if the rate limit of the portal that is looked up is spent. */
  admitClient: (clientId: string) => void
}): Promise<Oidc> {
  const signingKeys = await openSigningKeys({ db, seal: keySeal, log, period: periods.renewal })
  const provider = createProvider({
    config,
    links,
    keys: signingKeys.engineKeys(),
    adapter: createAdapterFactory({
      registry,
      interactionTtl: config.ttl.interaction + linkPageTtl,
      retryGrace: config.ttl.retryGrace,
      admitClient,
    }),
    steps,
    pages,
    device,
    // URLs that a portal registers may lead only to public networks, or to private networks of its own definition.
    fetch: createTransport({
      timeout: 2.5,
      allow: (url) => parseNetworks(registry.networksFor(url.href)),
    }) as never,
  })
  repeatLostAnswers(provider, { grace: config.ttl.retryGrace, isStrict: isFapi })
  signingKeys.onChange((keys) => replaceKeys(provider, keys))

  const stateSeal = createSeal(config.keys.seal, 'protocol state')
  const beginUnit = () => beginUnitOfWork({ state, seal: stateSeal, merge: mergeRecords })
  return {
    provider,
    signingKeys,
    keyRoutes: createKeyRoutes({ keys: signingKeys }),
    beginUnit,
    async unitOfWork(_ctx, next) {
      const unit = beginUnit()
      await runWithUnit(unit, next)
      await unit.commit()
    },
  }
}
