import type { Config } from '../config/config.ts'
import { upstreamCalls } from '../telemetry/metrics.ts'
import { openOidcUpstream } from './oidc.ts'
import type { Upstream } from './upstream.ts'
import { openVneidUpstream } from './vneid.ts'

/** The one dialect that is configured, with a timer on what a citizen waits for. */
export function openUpstream(config: Config['upstream']): Upstream {
  const upstream = config.dialect === 'oidc' ? openOidcUpstream({ config }) : openVneidUpstream({ config })
  return {
    ...upstream,
    async complete(query, transaction) {
      const measure = upstreamCalls.startTimer()
      try {
        const identity = await upstream.complete(query, transaction)
        measure({ outcome: 'identity' })
        return identity
      } catch (error) {
        measure({ outcome: 'failure' })
        throw error
      }
    },
  }
}
