/** Where a request comes from, as far as that can be believed. */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { isReachable, parseNetworks } from '../net/networks.ts'

/**
 * The address that stands for one caller: an IPv4 address, or the /64 that one IPv6 customer has. Undefined where
 * it tells nobody apart: a private address although no proxy was named is most likely that of a proxy, and so is
 * the address of a proxy that does not say whom it heard.
 */
export type AddressOf = (request: IncomingMessage) => string | undefined

/** @param proxies networks whose word about the address is believed; what others write is not looked at */
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
    // From the right: each proxy wrote whom it heard; the first that is none of ours is the caller.
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

const forIn = (entry: string): string => /(?:^|;)\s*for\s*=\s*"?([^";]+)"?/i.exec(entry)?.[1] ?? ''

/** Of an address with brackets, port and zone. */
const longest = 64

/**
 * Without brackets, port and zone; an IPv4 address in IPv6 clothes as what it is. Undefined: no address (RFC 7239 §6
 * lets a proxy write `unknown` or a made-up name).
 */
function plain(text: string): string | undefined {
  const told = text.trim()
  if (told.length > longest) return undefined
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(told)?.[1]
  const host = (bracketed ?? told.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')).replace(/%.*$/, '')
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
