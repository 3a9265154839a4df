/** Wires the operators' API: its operations, and the background work that only they use. */
import type { Server } from 'node:http'
import type { Middleware } from 'koa'
import { createApprovals } from '../approvals/approvals.ts'
import { createSeal } from '../crypto/seal.ts'
import { createImports } from '../imports/import.ts'
import { createActs } from '../mapping/acts.ts'
import { createMappingKinds } from '../mapping/kinds.ts'
import type { UnitOfWork } from '../oidc/unit-of-work.ts'
import type { Parts } from '../parts.ts'
import type { Figures } from '../portals/figures.ts'
import { openCheckpointer } from '../proof/checkpointer.ts'
import { createReseal } from '../ring/reseal.ts'
import { createPersonOf } from './access-token.ts'
import { approvalOperations } from './approval-operations.ts'
import { auditOperations } from './audit-operations.ts'
import { auditProofOperations } from './audit-proof-operations.ts'
import { clientOperations } from './client-operations.ts'
import { figuresOperations } from './figures-operations.ts'
import { importOperations } from './import-operations.ts'
import { keyOperations } from './key-operations.ts'
import { mappingOperations } from './mapping-operations.ts'
import { withDescription } from './openapi.ts'
import type { Operation } from './operation.ts'
import { createOperatorKinds } from './operator-kinds.ts'
import { operatorOperations } from './operator-operations.ts'
import { operatorReviewOperations } from './operator-review.ts'
import { progressOperations } from './progress-operations.ts'
import { registryOperations } from './registry-operations.ts'
import { rehomeKind, rehomeOperations } from './rehome-operations.ts'
import { reviewOperations } from './review-operations.ts'
import { secretOperations } from './secret-operations.ts'
import { createAdminServer } from './server.ts'

export interface Admin {
  readonly server: Server
  readonly operations: readonly Operation[]
  close(): Promise<void>
}

export async function createAdmin(
  parts: Omit<Parts, 'links' | 'upstream' | 'portalsOf' | 'mappingPolicyOf'> & {
    beginUnit: () => UnitOfWork
    figures: Figures
    limit: Middleware
  },
): Promise<Admin> {
  const { config, keySeal } = parts
  const { keys, ttl } = config
  const operatorKinds = createOperatorKinds(parts)
  const { confirming, ...mappingKinds } = createMappingKinds(parts)
  const approvals = createApprovals({
    ...parts,
    seal: createSeal(keys.seal, 'approval'),
    kinds: [...Object.values(operatorKinds), rehomeKind, ...Object.values(mappingKinds)],
  })
  const longest = Math.max(ttl.session, ttl.refreshToken, ttl.interaction)
  const reseals = createReseal({ ...parts, ring: keys, longest, period: parts.periods.claim })
  const checkpointer = await openCheckpointer({ ...parts, seal: keySeal })
  const mapping = { ...parts, acts: createActs(parts), approvals, kinds: { ...mappingKinds, confirming } }
  const operations = withDescription([
    ...keyOperations({ ...parts, keys, seal: keySeal, reseals, longest }),
    ...operatorOperations({ ...parts, approvals, kinds: operatorKinds }),
    ...operatorReviewOperations(parts),
    ...approvalOperations({ approvals }),
    ...clientOperations(parts),
    ...registryOperations(parts),
    ...secretOperations(parts),
    ...rehomeOperations({ ...parts, approvals }),
    ...mappingOperations(mapping),
    ...reviewOperations(mapping),
    ...progressOperations(parts),
    ...figuresOperations(parts),
    ...auditOperations(parts),
    ...auditProofOperations({ ...parts, checkpointer, seal: keySeal }),
    ...importOperations({ ...parts, importLegacy: createImports(parts) }),
  ])
  const server = createAdminServer({
    ...parts,
    audience: config.admin.audience,
    seal: createSeal(keys.seal, 'kept answer'),
    personOf: createPersonOf(parts),
    operations,
    headersTimeout: config.headersTimeout,
  })
  return {
    server,
    operations,
    async close() {
      await checkpointer.close()
      await reseals.stop()
    },
  }
}
