/**
 * The audit vocabulary: one table of all events with class, meaning and fields of `detail`. `npm run docs:audit` writes
 * it to `docs/audit.md`. Only `recording.ts` writes events. This file imports nothing.
 */

/** The rows of one class have the same retention and their own partitions (docs/audit.md). */
export const auditClasses = ['login', 'person', 'link', 'portal', 'operator', 'key', 'audit'] as const
export type AuditClass = (typeof auditClasses)[number]

/** Never deleted, because these events record the deletions of the other classes. */
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
  'login.completed':           { class: 'login',    says: 'a person signed in to a portal',                              detail: ['kind', 'assurance_level', 'sso', 'auth_time', 'number_disagrees'] },
  'login.refused':             { class: 'login',    says: 'a sign-in to a portal was refused',                           detail: ['failure'] },
  'session.ended':             { class: 'login',    says: 'a session ended',                                             detail: ['reason'] },
  'subject.created':           { class: 'person',   says: 'a person signed in for the first time',                       detail: ['kind'] },
  'subject.rekeyed':           { class: 'person',   says: "a person's number was replaced",                              detail: ['approval', 'asked_by', 'operator'] },
  'subject.replaced':          { class: 'person',   says: 'two subjects of one person were merged',                      detail: ['by', 'approval', 'asked_by'] },
  'link.created':              { class: 'link',     says: 'a legacy account was linked',                                 detail: ['link', 'account', 'method', 'via', 'case', 'approval', 'asked_by'] },
  'link.ended':                { class: 'link',     says: 'a link was ended',                                            detail: ['link', 'account', 'method'] },
  'link.refused':              { class: 'link',     says: 'a legacy account was not linked',                             detail: ['account', 'reason', 'population', 'since', 'of'] },
  'link.primary':              { class: 'link',     says: 'a portal set the primary account',                            detail: ['via'] },
  'account.searched':          { class: 'link',     says: 'an operator searched for accounts',                           detail: ['by', 'found'] },
  'review.opened':             { class: 'link',     says: 'a case was opened',                                           detail: ['case', 'account', 'reason', 'via'] },
  'review.read':               { class: 'link',     says: 'an operator read a case',                                     detail: ['case', 'account'] },
  'review.decided':            { class: 'link',     says: 'a case was decided',                                          detail: ['case', 'account', 'outcome', 'approval', 'asked_by'] },
  'review.reopened':           { class: 'link',     says: 'a decided case was reopened',                                 detail: ['case', 'account', 'was'] },
  'import.begun':              { class: 'link',     says: 'an import of legacy accounts started',                        detail: ['import', 'dry_run'] },
  'import.ended':              { class: 'link',     says: 'an import of legacy accounts ended',                          detail: ['import', 'dry_run', 'rows', 'failure'] },
  'client.created':            { class: 'portal',   says: 'a portal was registered',                                     detail: ['version', 'pkce_exemption'] },
  'client.changed':            { class: 'portal',   says: 'a portal was changed',                                        detail: ['version', 'fields', 'pkce_exemption'] },
  'client.activated':          { class: 'portal',   says: 'a portal was activated',                                      detail: ['version'] },
  'client.suspended':          { class: 'portal',   says: 'a portal was suspended',                                      detail: ['version'] },
  'client.retired':            { class: 'portal',   says: 'a portal was retired',                                        detail: ['version'] },
  'client.secret_created':     { class: 'portal',   says: 'a secret was added to a portal',                              detail: ['secret_id', 'expires_at'] },
  'client.secret_revoked':     { class: 'portal',   says: "a portal's secret was revoked",                               detail: ['secret_id', 'expires_at'] },
  'client.rehomed':            { class: 'portal',   says: 'a portal was re-homed into another',                          detail: ['rehome', 'into', 'until', 'subs', 'asked_by'] },
  'client.rehome_undone':      { class: 'portal',   says: 'a re-homing was undone',                                      detail: ['rehome', 'into', 'until', 'subs'] },
  'client.rehome_completed':   { class: 'portal',   says: 'a re-homing was completed',                                   detail: ['rehome', 'into', 'until', 'subs'] },
  'key.generated':             { class: 'key',      says: 'a key was generated',                                         detail: ['kid', 'alg', 'signs_from', 'purpose'] },
  'key.retired':               { class: 'key',      says: 'a key was retired',                                           detail: ['kid', 'alg'] },
  'key.revoked':               { class: 'key',      says: 'a key was revoked',                                           detail: ['kid', 'alg'] },
  'key.reseal_begun':          { class: 'key',      says: 're-sealing started',                                          detail: ['reseal', 'rows', 'done'] },
  'key.reseal_ended':          { class: 'key',      says: 're-sealing ended',                                            detail: ['reseal', 'rows', 'failure'] },
  'operator.created':          { class: 'operator', says: 'an operator was created',                                     detail: ['operator', 'kind', 'roles', 'asked_by', 'alone'] },
  'operator.disabled':         { class: 'operator', says: 'an operator was disabled',                                    detail: ['operator', 'reason'] },
  'operator.changed':          { class: 'operator', says: 'an operator was changed',                                     detail: ['operator', 'changed', 'roles', 'asked_by', 'alone'] },
  'operator.enabled':          { class: 'operator', says: 'an operator was enabled',                                     detail: ['operator', 'asked_by', 'alone'] },
  'operator.signed_in':        { class: 'operator', says: 'an operator signed in',                                       detail: [] },
  'operator.review_read':      { class: 'operator', says: 'an operator read the access review',                          detail: ['read_at'] },
  'operator.review_confirmed': { class: 'operator', says: 'the access review was confirmed',                             detail: ['read_at'] },
  'approval.asked':            { class: 'operator', says: 'an approval was asked for',                                   detail: ['approval', 'kind', 'case', 'operator', 'roles'] },
  'approval.ended':            { class: 'operator', says: 'an approval was given, declined or withdrawn, or it expired', detail: ['approval', 'kind', 'outcome'] },
  'audit.read':                { class: 'audit',    says: 'an operator read the audit',                                  detail: ['by', 'found'] },
  'audit.exported':            { class: 'audit',    says: 'an operator exported the audit',                              detail: ['from', 'to'] },
  'audit.retired':             { class: 'audit',    says: 'retention deleted one month of a class',                      detail: ['class', 'month', 'rows', 'first_checkpoint', 'last_checkpoint'] },
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
  /** The reference of the request, which pages and errors also show. */
  readonly reference?: string | undefined
  /** Codes and ids of our own; never a person's data. */
  readonly detail?: Readonly<Record<string, string | number | boolean | readonly string[]>> | undefined
}
