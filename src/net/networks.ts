/** Restricts the addresses of outgoing calls whose URL a portal can choose. */
import { lookup as resolve } from 'node:dns'
import { BlockList, isIP } from 'node:net'
import type { LookupFunction } from 'node:net'

/** @param cidrs `10.1.0.0/16`, `fd00::/8` or a single address */
export function parseNetworks(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits, ...rest] = cidr.split('/')
    const version = isIP(address)
    const width = version === 6 ? 128 : 32
    const prefix = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN
    if (version === 0 || rest.length > 0 || !(prefix <= width))
      throw new TypeError(`not a network: ${cidr}; write one such as 10.1.0.0/16`)
    list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

/** IANA special-purpose registries (RFC 6890), multicast, and the retired 6to4 relays. */
const special = parseNetworks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
])
/** The rest of IPv6 is loopback, mapped, NAT64, local, multicast or unassigned (RFC 4291 §2.4). */
const globalUnicast = parseNetworks(['2000::/3'])

/** Whether the address is public, or in the allowed networks. */
export function isReachable(address: string, allowed: BlockList | undefined): boolean {
  const version = isIP(address)
  if (version === 0) return false
  const family = version === 6 ? 'ipv6' : 'ipv4'
  if (allowed?.check(address, family) === true) return true
  return !special.check(address, family) && (version === 4 || globalUnicast.check(address, family))
}

/**
 * A `lookup` for net.connect that returns only reachable addresses. The checked address is the one connected to, so a
 * name that resolves differently the second time (DNS rebinding) has no effect.
 */
export function guardedLookup(allowed: BlockList | undefined, refuse: () => Error): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '')
      const [first, ...others] = found.filter(({ address }) => isReachable(address, allowed))
      if (first === undefined) return callback(refuse(), '')
      if (options.all === true) callback(null, [first, ...others])
      else callback(null, first.address, first.family)
    })
  }
}
