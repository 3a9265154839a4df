/** What each event says, and what its detail holds besides; `docs/audit.md` shows this table (`npm run docs:audit`). */
import type { AuditName } from './audit.ts'

interface Meaning {
  /** Past tense, to stand in a story. */
  readonly says: string
  readonly detail: readonly string[]
}

export const auditMeanings: Readonly<Record<AuditName, Meaning>> = {
  'login.completed': {
    says: 'a person signed in to a portal',
    detail: ['kind', 'level', 'sso', 'auth_time', 'number_disagrees'],
  },
  'login.refused': { says: 'a person was kept out of a portal', detail: ['failure'] },
  'session.ended': { says: 'a session ended', detail: ['reason'] },
  'subject.created': { says: 'a person came for the first time', detail: ['kind'] },
  'subject.rekeyed': { says: 'a person was given another number', detail: ['proposal', 'operator'] },
  'subject.replaced': { says: 'a person known twice became one', detail: ['by', 'proposal'] },
  'link.created': { says: 'an old account was linked', detail: ['link', 'account', 'method', 'via'] },
  'link.ended': { says: 'a link was taken back', detail: ['link', 'account', 'method'] },
  'link.refused': {
    says: 'an old account was not linked',
    detail: ['account', 'reason', 'population', 'since', 'of'],
  },
  'link.primary': { says: 'a portal chose the account that stands first', detail: ['via'] },
  'account.searched': { says: 'an operator searched for accounts', detail: ['by', 'found'] },
  'review.opened': { says: 'a case was opened', detail: ['case', 'account', 'reason', 'via'] },
  'review.read': { says: 'an operator read a case', detail: ['case', 'account'] },
  'review.decided': { says: 'a case was decided', detail: ['case', 'account', 'outcome', 'proposal'] },
  'review.reopened': { says: 'a decided case was opened again', detail: ['case', 'account', 'was'] },
  'proposal.made': { says: 'an operator proposed a decision', detail: ['proposal', 'kind', 'case'] },
  'proposal.decided': {
    says: 'a proposal was approved, declined or withdrawn',
    detail: ['proposal', 'kind', 'decision'],
  },
  'import.begun': { says: 'an import of old accounts began', detail: ['import', 'dry_run'] },
  'import.ended': {
    says: 'an import of old accounts ended',
    detail: ['import', 'dry_run', 'rows', 'failure'],
  },
  'client.created': { says: 'a portal was registered', detail: ['version', 'pkce_exemption'] },
  'client.changed': { says: 'a portal was changed', detail: ['version', 'fields', 'pkce_exemption'] },
  'client.activated': { says: 'a portal was activated', detail: ['version'] },
  'client.suspended': { says: 'a portal was suspended', detail: ['version'] },
  'client.retired': { says: 'a portal was retired', detail: ['version'] },
  'client.secret_created': { says: 'a portal was given a secret', detail: ['secret_id', 'expires_at'] },
  'client.secret_revoked': { says: "a portal's secret was revoked", detail: ['secret_id', 'expires_at'] },
  'client.rehomed': {
    says: 'a portal was merged into another',
    detail: ['rehome', 'into', 'until', 'subs', 'proposed_by'],
  },
  'client.rehome_undone': {
    says: 'a merger of portals was undone',
    detail: ['rehome', 'into', 'until', 'subs'],
  },
  'client.rehome_completed': {
    says: 'a merger of portals became final',
    detail: ['rehome', 'into', 'until', 'subs'],
  },
  'key.generated': { says: 'a key was made', detail: ['kid', 'alg', 'signs_from', 'purpose'] },
  'key.retired': { says: 'a key was retired', detail: ['kid', 'alg'] },
  'key.revoked': { says: 'a key was revoked', detail: ['kid', 'alg'] },
  'key.reseal_begun': { says: 're-sealing began', detail: ['reseal', 'rows', 'done'] },
  'key.reseal_ended': { says: 're-sealing ended', detail: ['reseal', 'rows', 'failure'] },
  'operator.created': {
    says: 'an operator was made',
    detail: ['operator', 'kind', 'roles', 'proposed_by', 'alone'],
  },
  'operator.disabled': { says: 'an operator was disabled', detail: ['operator', 'reason'] },
  'operator.changed': {
    says: 'an operator was changed',
    detail: ['operator', 'changed', 'roles', 'proposed_by', 'alone'],
  },
  'operator.enabled': { says: 'an operator was enabled again', detail: ['operator', 'proposed_by', 'alone'] },
  'operator.signed_in': { says: 'an operator signed in', detail: [] },
  'operator.review_read': { says: 'an operator read the access review', detail: ['read_at'] },
  'operator.review_confirmed': { says: 'the access review was confirmed', detail: ['read_at'] },
  'decision.proposed': {
    says: 'a decision was put to a second person',
    detail: ['decision', 'operation', 'operator', 'roles'],
  },
  'decision.ended': { says: 'a decision of two persons ended', detail: ['decision', 'operation', 'outcome'] },
  'audit.read': { says: 'an operator read the audit', detail: ['by', 'found'] },
  'audit.exported': { says: 'an operator exported the audit', detail: ['from', 'to'] },
  'audit.retired': {
    says: 'retention deleted a month of a class',
    detail: ['class', 'month', 'rows', 'first_seal', 'last_seal'],
  },
}
