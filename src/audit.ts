/**
 * The audit vocabulary, one table: each event with its class, what it says and what its detail holds. `docs/audit.md`
 * shows it (`npm run docs:audit`). `recording.ts` alone writes events. This file imports nothing.
 */

/** Rows of one class are kept equally long, in partitions of their own (docs/audit.md). */
export const auditClasses = ['login', 'person', 'link', 'portal', 'operator', 'key', 'audit'] as const
export type AuditClass = (typeof auditClasses)[number]

/** Never deleted: the audit's own events prove the deletions of all others. */
export const keptForEver: AuditClass = 'audit'

interface Entry {
  readonly class: AuditClass
  /** What happened, in the past tense. */
  readonly says: string
  /** The fields that `AuditEvent.detail` may hold. */
  readonly detail: readonly string[]
}

/** Named `noun.past_participle`. */
// oxfmt-ignore
const table = {
  'login.completed':           { class: 'login',    says: 'a person signed in to a portal',                 detail: ['kind', 'assurance_level', 'sso', 'auth_time', 'number_disagrees'] },
  'login.refused':             { class: 'login',    says: 'a person was kept out of a portal',              detail: ['failure'] },
  'session.ended':             { class: 'login',    says: 'a session ended',                                detail: ['reason'] },
  'subject.created':           { class: 'person',   says: 'a person came for the first time',               detail: ['kind'] },
  'subject.rekeyed':           { class: 'person',   says: 'a person was given another number',              detail: ['approval', 'asked_by', 'operator'] },
  'subject.replaced':          { class: 'person',   says: 'a person known twice became one',                detail: ['by', 'approval', 'asked_by'] },
  'link.created':              { class: 'link',     says: 'an old account was linked',                      detail: ['link', 'account', 'method', 'via', 'case', 'approval', 'asked_by'] },
  'link.ended':                { class: 'link',     says: 'a link was taken back',                          detail: ['link', 'account', 'method'] },
  'link.refused':              { class: 'link',     says: 'an old account was not linked',                  detail: ['account', 'reason', 'population', 'since', 'of'] },
  'link.primary':              { class: 'link',     says: 'a portal chose the account that stands first',   detail: ['via'] },
  'account.searched':          { class: 'link',     says: 'an operator searched for accounts',              detail: ['by', 'found'] },
  'review.opened':             { class: 'link',     says: 'a case was opened',                              detail: ['case', 'account', 'reason', 'via'] },
  'review.read':               { class: 'link',     says: 'an operator read a case',                        detail: ['case', 'account'] },
  'review.decided':            { class: 'link',     says: 'a case was decided',                             detail: ['case', 'account', 'outcome', 'approval', 'asked_by'] },
  'review.reopened':           { class: 'link',     says: 'a decided case was opened again',                detail: ['case', 'account', 'was'] },
  'import.begun':              { class: 'link',     says: 'an import of old accounts began',                detail: ['import', 'dry_run'] },
  'import.ended':              { class: 'link',     says: 'an import of old accounts ended',                detail: ['import', 'dry_run', 'rows', 'failure'] },
  'client.created':            { class: 'portal',   says: 'a portal was registered',                        detail: ['version', 'pkce_exemption'] },
  'client.changed':            { class: 'portal',   says: 'a portal was changed',                           detail: ['version', 'fields', 'pkce_exemption'] },
  'client.activated':          { class: 'portal',   says: 'a portal was activated',                         detail: ['version'] },
  'client.suspended':          { class: 'portal',   says: 'a portal was suspended',                         detail: ['version'] },
  'client.retired':            { class: 'portal',   says: 'a portal was retired',                           detail: ['version'] },
  'client.secret_created':     { class: 'portal',   says: 'a portal was given a secret',                    detail: ['secret_id', 'expires_at'] },
  'client.secret_revoked':     { class: 'portal',   says: "a portal's secret was revoked",                  detail: ['secret_id', 'expires_at'] },
  'client.rehomed':            { class: 'portal',   says: 'a portal was merged into another',               detail: ['rehome', 'into', 'until', 'subs', 'asked_by'] },
  'client.rehome_undone':      { class: 'portal',   says: 'a merger of portals was undone',                 detail: ['rehome', 'into', 'until', 'subs'] },
  'client.rehome_completed':   { class: 'portal',   says: 'a merger of portals became final',               detail: ['rehome', 'into', 'until', 'subs'] },
  'key.generated':             { class: 'key',      says: 'a key was made',                                 detail: ['kid', 'alg', 'signs_from', 'purpose'] },
  'key.retired':               { class: 'key',      says: 'a key was retired',                              detail: ['kid', 'alg'] },
  'key.revoked':               { class: 'key',      says: 'a key was revoked',                              detail: ['kid', 'alg'] },
  'key.reseal_begun':          { class: 'key',      says: 're-sealing began',                               detail: ['reseal', 'rows', 'done'] },
  'key.reseal_ended':          { class: 'key',      says: 're-sealing ended',                               detail: ['reseal', 'rows', 'failure'] },
  'operator.created':          { class: 'operator', says: 'an operator was made',                           detail: ['operator', 'kind', 'roles', 'asked_by', 'alone'] },
  'operator.disabled':         { class: 'operator', says: 'an operator was disabled',                       detail: ['operator', 'reason'] },
  'operator.changed':          { class: 'operator', says: 'an operator was changed',                        detail: ['operator', 'changed', 'roles', 'asked_by', 'alone'] },
  'operator.enabled':          { class: 'operator', says: 'an operator was enabled again',                  detail: ['operator', 'asked_by', 'alone'] },
  'operator.signed_in':        { class: 'operator', says: 'an operator signed in',                          detail: [] },
  'operator.review_read':      { class: 'operator', says: 'an operator read the access review',             detail: ['read_at'] },
  'operator.review_confirmed': { class: 'operator', says: 'the access review was confirmed',                detail: ['read_at'] },
  'approval.asked':            { class: 'operator', says: 'a second person was asked for',                  detail: ['approval', 'kind', 'case', 'operator', 'roles'] },
  'approval.ended':            { class: 'operator', says: 'an approval was given, declined or given up',    detail: ['approval', 'kind', 'outcome'] },
  'audit.read':                { class: 'audit',    says: 'an operator read the audit',                     detail: ['by', 'found'] },
  'audit.exported':            { class: 'audit',    says: 'an operator exported the audit',                 detail: ['from', 'to'] },
  'audit.retired':             { class: 'audit',    says: 'retention deleted a month of a class',           detail: ['class', 'month', 'rows', 'first_checkpoint', 'last_checkpoint'] },
} satisfies Readonly<Record<string, Entry>>

export type AuditName = keyof typeof table
export const auditTable: Readonly<Record<AuditName, Entry>> = table
export const auditNames = Object.keys(auditTable) as AuditName[]

export const classOf = (name: AuditName): AuditClass => auditTable[name].class

export interface AuditEvent {
  readonly event: AuditName
  readonly clientId?: string | undefined
  /** Our pseudonym of the person, never a number. */
  readonly subjectId?: string | undefined
  /**
   * `citizen`, `portal` (the client itself), `system`, `local` (a command on the broker's own database), or an
   * operator's id.
   */
  readonly actor: string
  /** The reference that the citizen may have seen on a page. */
  readonly reference?: string | undefined
  /** Codes and ids of our own; never a person's data. */
  readonly detail?: Readonly<Record<string, string | number | boolean | readonly string[]>> | undefined
}
