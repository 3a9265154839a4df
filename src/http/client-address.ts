/** The address that a request comes from, as far as it can be trusted. */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { isReachable, parseNetworks } from '../net/networks.ts'

/**
 * The address that identifies one caller: an IPv4 address, or the /64 prefix that one IPv6 customer has. Undefined where
 * an address would not tell callers apart: a private address while `TRUSTED_PROXIES` is empty is most likely a proxy's,
 * and so is a trusted proxy's own address if the proxy does not name the caller.
 */
export type AddressOf = (request: IncomingMessage) => string | undefined

/** @param proxies networks whose forwarding header is trusted; the header is ignored from all others */
export function createAddressOf({
  proxies,
  header,
}: {
  proxies: readonly string[]
  header: 'x-forwarded-for' | 'forwarded'
}): AddressOf {
  const trusted = parseNetworks(proxies)
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

  return (request) => {
    const peer = plain(request.socket.remoteAddress ?? '')
    if (peer === undefined) return undefined
    if (proxies.length === 0) return isReachable(peer, undefined) ? networkOf(peer) : undefined
    if (!isTrusted(peer)) return networkOf(peer)
    // Each proxy appends the address of its peer. Read from the right: the first address that is not a trusted proxy is
    // the caller's.
    for (const entry of String(request.headers[header] ?? '')
      .split(',')
      .toReversed()) {
      const address = plain(header === 'forwarded' ? forIn(entry) : entry)
      if (address === undefined) return undefined
      if (!isTrusted(address)) return networkOf(address)
    }
    return undefined
  }
}

/** The /48 prefix of an IPv6 address that `AddressOf` has told: one site may have 65,536 of those. Undefined for IPv4. */
export const siteOf = (address: string): string | undefined =>
  address.includes(':') ? `${address.split(':').slice(0, 3).join(':')}::` : undefined

const forIn = (entry: string): string => /(?:^|;)\s*for\s*=\s*"?([^";]+)"?/i.exec(entry)?.[1] ?? ''

/** Characters of the longest address with brackets, port and zone. */
const maxLength = 64

/**
 * The address without brackets, port and zone; an IPv4-mapped IPv6 address as IPv4. Undefined if it is not an address
 * (RFC 7239 §6 lets a proxy write `unknown` or an obfuscated name).
 */
function plain(text: string): string | undefined {
  const trimmed = text.trim()
  if (trimmed.length > maxLength) return undefined
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(trimmed)?.[1]
  const host = (bracketed ?? trimmed.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')).replace(/%.*$/, '')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host
  return isIP(mapped) === 0 ? undefined : mapped
}

function networkOf(address: string): string {
  if (isIP(address) === 4) return address
  // The canonical form has no dotted part.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail = ''] = canonical.split('::')
  const [left, right] = [head, tail].map((half) => half.split(':').filter((group) => group !== ''))
  const zeros = Array<string>(8 - left!.length - right!.length).fill('0')
  return `${[...left!, ...zeros, ...right!].slice(0, 4).join(':')}::`
}
