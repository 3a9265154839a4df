/** The brokers of docker-compose.yml know their proxy. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly environment?: Readonly<Record<string, string>>
        readonly networks?: { readonly default?: { readonly ipv4_address?: string } }
      }
    >
  >
  readonly networks: {
    readonly default: { readonly ipam: { readonly config: readonly { readonly subnet: string }[] } }
  }
}
const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
const { services, networks } = parse(read('docker-compose.yml'), { merge: true }) as Compose

test('every broker trusts the address of the proxy and no other, and the proxy replaces what a caller wrote', () => {
  const proxy = services['proxy']?.networks?.default?.ipv4_address
  expect(proxy).toBeDefined()
  for (const name of ['broker-1', 'broker-2'])
    expect({ name, trusted: services[name]?.environment?.['TRUSTED_PROXIES'] }).toEqual({
      name,
      trusted: proxy,
    })
  expect(networks.default.ipam.config).toEqual([{ subnet: proxy!.replace(/\d+$/, '0/24') }])
  expect(read('config/compose/nginx.conf')).toContain('proxy_set_header X-Forwarded-For $remote_addr;')
})
