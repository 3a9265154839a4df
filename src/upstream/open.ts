import type { Config } from '../config/config.ts'
import { upstreamCalls } from '../telemetry/metrics.ts'
import { openOidcUpstream } from './oidc.ts'
import type { Upstream } from './upstream.ts'
import { openVneidUpstream } from './vneid.ts'

/** Opens the configured dialect, with a timer on `complete`, for which a citizen waits. */
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
