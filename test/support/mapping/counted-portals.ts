/** Portals with accounts, and their progress as read from the admin API. */
import type { AdminClient } from '../../../src/cli/client.ts'
import type { ProgressReport } from '../../../src/mapping/progress.ts'
import { citizenNamed } from '../../../src/sandbox/citizens.ts'
import { createVisitor } from '../../../src/sandbox/visitor.ts'
import { portalDefinition, type World } from '../world.ts'

/** A row of an import: an account with this citizen's number, attested by default. */
export const citizenRow = (id: string, name: string, more: Record<string, unknown> = {}) => ({
  account_id: id,
  kind: 'citizen',
  citizen_id: citizenNamed(name).number,
  attested_at: '2024-05-20',
  ...more,
})

let count = 0
export async function openCounted(world: World, viewer: AdminClient, policy: Record<string, unknown> = {}) {
  const clientId = `counted-${++count}`
  await world.register(portalDefinition(clientId, { policy }))
  return {
    clientId,
    add: (...rows: Record<string, unknown>[]) => world.legacyAccounts(clientId, ...rows),
    async enter(citizen: string) {
      world.simulator.approve(citizen)
      await (await world.portal({ clientId })).signIn({}, createVisitor())
    },
    report(query: Record<string, string> = {}) {
      const asked = new URLSearchParams({ client: clientId, ...query }).toString()
      return viewer.call<ProgressReport>('GET', `/v1/progress?${asked}`)
    },
  }
}
