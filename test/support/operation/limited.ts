/** One broker behind a proxy on loopback; each test restarts it with its own limits and empty counts. */
import { openWorld, portalAddress, portalDefinition, type World } from '../world.ts'

/** What the proxy writes about the caller's address. */
export const from = (address: string) => ({ 'x-forwarded-for': address })
export const atPortal = (url: string) => url.startsWith(portalAddress)
const behindProxy = { TRUSTED_PROXIES: '127.0.0.0/8' }

export async function openLimited() {
  const world = await openWorld({ state: 'embedded', environment: behindProxy })
  await world.register(
    portalDefinition('portal-a'),
    portalDefinition('portal-b'),
    portalDefinition('machine', {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'legacy_accounts',
    }),
  )
  return {
    world,
    limit: (limits: object, more: Record<string, string> = {}) =>
      world.restart({ ...behindProxy, LIMITS: JSON.stringify(limits), ...more }),
    authorize: `${world.issuer}/auth?client_id=portal-a&`,
    /** Group and dimension of every limit that has refused a request in this process. */
    limitedBy: () => limitedBy(world),
    /** Requests a token of the portal itself. */
    tokenOf: (id: string, secret: string, address: string) =>
      fetch(`${world.issuer}/token`, {
        method: 'POST',
        headers: {
          ...from(address),
          authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'legacy_accounts' }),
      }),
  }
}

async function limitedBy(world: World): Promise<string[]> {
  const text = await (await fetch(`${world.operationsUrl}/metrics`)).text()
  return [...text.matchAll(/^limited_total\{group="(\w+)",dimension="(\w+)"\} [1-9]/gm)].map(
    ([, group, dimension]) => `${group} ${dimension}`,
  )
}
