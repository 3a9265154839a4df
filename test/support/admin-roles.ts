/** Who may call what at the admin API, written down apart from the table that decides it. */
import type { Role } from '../../src/admin/operators.ts'

const everybody: readonly Role[] = ['viewer', 'registrar', 'mapping_officer', 'auditor', 'security_officer']

const officers: readonly Role[] = ['mapping_officer']
const readers: readonly Role[] = ['mapping_officer', 'auditor']

export const adminRoles: Readonly<Record<string, readonly Role[]>> = {
  'GET /v1/whoami': everybody,
  'GET /v1/operators': ['auditor', 'security_officer'],
  'POST /v1/operators': ['security_officer'],
  'POST /v1/operators/:id/disable': ['security_officer'],
  'POST /v1/accounts/search': readers,
  'POST /v1/accounts/:account/links/:link/end': officers,
  'GET /v1/reviews': readers,
  'GET /v1/reviews/:id': readers,
  'POST /v1/reviews': officers,
  'POST /v1/reviews/:id/propose': officers,
  'POST /v1/reviews/:id/dismiss': officers,
  'POST /v1/reviews/:id/retire': officers,
  'POST /v1/reviews/:id/reopen': officers,
  'GET /v1/proposals': readers,
  'POST /v1/proposals/:id/approve': officers,
  'POST /v1/proposals/:id/decline': officers,
  'POST /v1/citizens/rekey': officers,
  'POST /v1/legacy-imports': officers,
  'GET /v1/legacy-imports': ['viewer', 'mapping_officer', 'auditor'],
  'GET /v1/legacy-imports/:id': ['viewer', 'mapping_officer', 'auditor'],
  'GET /v1/progress': everybody,
  'GET /v1/refusals': ['mapping_officer', 'auditor'],
}
