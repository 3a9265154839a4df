/** The expected roles of each operation of the admin API, independent of the table that is tested. */
import type { Role } from '../../../src/vocabulary.ts'

const everybody: readonly Role[] = ['viewer', 'registrar', 'mapping_officer', 'auditor', 'security_officer']

const officers: readonly Role[] = ['mapping_officer']
const readers: readonly Role[] = ['mapping_officer', 'auditor']

const portalReaders: readonly Role[] = ['viewer', 'registrar', 'auditor', 'security_officer']

export const adminRoles: Readonly<Record<string, readonly Role[]>> = {
  'GET /v1/whoami': everybody,
  'GET /v1/openapi.json': everybody,
  'GET /v1/keys': portalReaders,
  'POST /v1/keys': ['security_officer'],
  'POST /v1/keys/:kid/revoke': ['security_officer'],
  'GET /v1/key-ring': portalReaders,
  'POST /v1/reseals': ['security_officer'],
  'GET /v1/reseals': portalReaders,
  'GET /v1/reseals/:id': portalReaders,
  'GET /v1/operators': ['auditor', 'security_officer'],
  'GET /v1/operators/:id/history': ['auditor', 'security_officer'],
  'POST /v1/operators': ['security_officer'],
  'PATCH /v1/operators/:id': ['security_officer'],
  // All operators may ask for their own key.
  'PUT /v1/operators/:id/key': everybody,
  'POST /v1/operators/:id/disable': ['security_officer'],
  'POST /v1/operators/:id/enable': ['security_officer'],
  'GET /v1/operator-review': ['auditor', 'security_officer'],
  'POST /v1/operator-reviews': ['security_officer'],
  // The kind of the approval restricts these further.
  'GET /v1/approvals': everybody,
  'POST /v1/approvals/:id/approve': everybody,
  'POST /v1/approvals/:id/decline': everybody,
  'GET /v1/clients': portalReaders,
  'GET /v1/clients/:id': portalReaders,
  'GET /v1/clients/:id/history': portalReaders,
  'PUT /v1/clients/:id': ['registrar'],
  'POST /v1/clients/:id/activate': ['registrar'],
  'POST /v1/clients/:id/suspend': ['registrar', 'security_officer'],
  'POST /v1/clients/:id/retire': ['registrar'],
  'GET /v1/clients/:id/secrets': portalReaders,
  'POST /v1/clients/:id/secrets': ['registrar'],
  'POST /v1/clients/:id/secrets/:secret/revoke': ['registrar', 'security_officer'],
  'GET /v1/rehomes': portalReaders,
  'POST /v1/rehomes': ['registrar'],
  'POST /v1/rehomes/:client/undo': ['registrar'],
  'POST /v1/clients/plan': portalReaders,
  'POST /v1/clients/apply': ['registrar'],
  'POST /v1/accounts/search': readers,
  'POST /v1/accounts/:account/links/:link/end': officers,
  'GET /v1/reviews': readers,
  'GET /v1/reviews/:id': readers,
  'POST /v1/reviews': officers,
  'POST /v1/reviews/:id/confirm': officers,
  'POST /v1/reviews/:id/dismiss': officers,
  'POST /v1/reviews/:id/retire': officers,
  'POST /v1/reviews/:id/reopen': officers,
  'POST /v1/citizens/rekey': officers,
  'POST /v1/legacy-imports': officers,
  'GET /v1/legacy-imports': ['viewer', 'mapping_officer', 'auditor'],
  'GET /v1/legacy-imports/:id': ['viewer', 'mapping_officer', 'auditor'],
  'GET /v1/progress': everybody,
  'GET /v1/figures': everybody,
  'GET /v1/refusals': ['mapping_officer', 'auditor'],
  'GET /v1/audit/events': ['auditor'],
  'POST /v1/audit/search': ['auditor'],
  'GET /v1/audit/checkpoints': ['auditor', 'security_officer'],
  'POST /v1/audit/checkpoints': ['auditor', 'security_officer'],
  'GET /v1/audit/keys': ['auditor', 'security_officer'],
  'POST /v1/audit/keys': ['security_officer'],
  'GET /v1/audit/export': ['auditor'],
  'GET /v1/traces/:reference': ['auditor', 'security_officer'],
}
