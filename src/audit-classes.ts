/** Audit rows of one class are kept equally long, and lie in partitions of their own (docs/audit.md). */
import type { AuditName } from './audit.ts'

export const auditClasses = [
  'login',
  'person',
  'link',
  'portal',
  'operator',
  'key',
  'audit',
  'other',
] as const
export type AuditClass = (typeof auditClasses)[number]

/** What is never deleted: the audit's own events, for they prove the deletions of all others. */
export const keptForEver: AuditClass = 'audit'

type Noun<Name extends string> = Name extends `${infer First}.${string}` ? First : never

/** `other` is what a node of a release before the classes writes during an upgrade. */
const classOfNoun: Readonly<Record<Noun<AuditName>, AuditClass>> = {
  login: 'login',
  session: 'login',
  subject: 'person',
  link: 'link',
  account: 'link',
  review: 'link',
  proposal: 'link',
  import: 'link',
  client: 'portal',
  operator: 'operator',
  decision: 'operator',
  key: 'key',
  audit: 'audit',
}

export const classOf = (name: AuditName): AuditClass =>
  classOfNoun[name.slice(0, name.indexOf('.')) as Noun<AuditName>]
