/**
 * Our issuer, toward relying parties. `oidc-provider` (the engine) speaks the protocols; this room gives it
 *
 *   provider.ts       its configuration: endpoints, features, lifetimes;
 *   adapter.ts        its storage, over the unit of work of the request (`unit-of-work.ts`): every record is read once,
 *                     and all writes leave in one round trip before the answer does;
 *   key-store.ts      its signing keys, which change while it runs (`engine-keys.ts`), and their addresses (`key-routes.ts`);
 *   policy.ts         what a portal, by one request, requires of the citizen, and when that sends the citizen to VNeID;
 *   grants.ts         what the portal is granted, made by policy and not by a question, with the identity and the links;
 *   accounts.ts       the claims that it is given of that: in the ID token, at userinfo;
 *   logout.ts         the end of a session outside the engine's own page.
 *
 * What belongs to the citizen's side it asks of `login/`, which it does not import: where the browser goes for an
 * interaction (`steps.interactionUrl`), whether a person whose session serves may enter again (`steps.admitAgain`), and
 * its pages. A person who has just come back is left for it in `arrival.ts`.
 */
import type { Middleware } from 'koa'
import type { Provider } from 'oidc-provider'
import { createSeal } from '../crypto/seal.ts'
import { createTransport, parseNetworks } from '../net/outgoing.ts'
import type { Parts } from '../parts.ts'
import { createAdapterFactory, mergeRecords } from './adapter.ts'
import { replaceKeys } from './engine-keys.ts'
import { createKeyRoutes } from './key-routes.ts'
import { type SigningKeys, openSigningKeys } from './key-store.ts'
import { type CitizenPages, type CitizenSteps, type DevicePages, createProvider } from './provider.ts'
import { type UnitOfWork, beginUnitOfWork, runWithUnit } from './unit-of-work.ts'

export interface Oidc {
  readonly provider: Provider
  readonly signingKeys: SigningKeys
  readonly keyRoutes: Middleware
  readonly beginUnit: () => UnitOfWork
  /** Every request after it is one unit of work. */
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
  patience,
  admitClient,
}: Pick<Parts, 'config' | 'db' | 'state' | 'log' | 'registry' | 'links' | 'keySeal' | 'periods'> & {
  steps: CitizenSteps
  pages: CitizenPages
  device: DevicePages
  /** Seconds that the citizen's side may hold an interaction beyond its own end. */
  patience: number
  /** Throws when the portal that is looked up has had its share. */
  admitClient: (clientId: string) => void
}): Promise<Oidc> {
  const signingKeys = await openSigningKeys({ db, seal: keySeal, log, period: periods.renewal })
  const provider = createProvider({
    config,
    links,
    keys: signingKeys.engineKeys(),
    adapter: createAdapterFactory({
      registry,
      interactionTtl: config.ttl.interaction + patience,
      admitClient,
    }),
    steps,
    pages,
    device,
    // Addresses that a portal can set lead to public networks, or to private ones on its own list.
    fetch: createTransport({
      timeout: 2.5,
      allow: (url) => parseNetworks(registry.networksFor(url.href)),
    }) as never,
  })
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
