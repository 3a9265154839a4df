/** The parts that rooms depend on. `app.ts` creates each once; a factory takes `Pick<Parts, 'db' | 'log'>`. */
import type { Provider } from 'oidc-provider'
import type { CitizenKeys } from './citizen-id.ts'
import type { Config } from './config/config.ts'
import type { Seal } from './crypto/seal.ts'
import type { CurrentLinks, PortalsOf } from './mapping/links.ts'
import type { LegacyRecords } from './mapping/record.ts'
import type { ClientPolicy } from './registry/clients.ts'
import type { Registry } from './registry/registry.ts'
import type { Database } from './store/db.ts'
import type { State } from './store/state/state.ts'
import type { Log } from './telemetry/log.ts'
import type { Upstream } from './upstream/upstream.ts'

/** Milliseconds between two turns of what a node does by itself; what is undefined is as in production. */
export interface Periods {
  /** Reading what other nodes have changed in the registry and in the signing keys. */
  readonly renewal?: number | undefined
  /** Claiming the ring's keys that this node writes under. */
  readonly claim?: number | undefined
  /** Writing down what this node has counted. */
  readonly figures?: number | undefined
}

export interface Parts {
  readonly config: Config
  readonly db: Database
  readonly state: State
  readonly log: Log
  readonly periods: Periods
  /** Seals signing keys and audit keys. */
  readonly keySeal: Seal
  readonly citizenKeys: CitizenKeys
  readonly records: LegacyRecords
  readonly registry: Registry
  readonly portalsOf: PortalsOf
  /** @throws BrokerError `interaction_gone` when the portal is no longer registered */
  readonly mappingPolicyOf: (clientId: string) => ClientPolicy['mapping']
  readonly links: CurrentLinks
  readonly upstream: Upstream
  /** The OIDC engine. Parts that the engine itself calls are created without it. */
  readonly provider: Provider
}
