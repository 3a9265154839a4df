import type { Config } from '../config/config.ts'
import { openOidcUpstream } from './oidc.ts'
import type { Upstream } from './upstream.ts'
import { openVneidUpstream } from './vneid.ts'

/** The one road that is configured. */
export function openUpstream(config: Config['upstream']): Upstream {
  return config.dialect === 'oidc' ? openOidcUpstream({ config }) : openVneidUpstream({ config })
}
