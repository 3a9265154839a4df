/**
 * What takes two persons: one asks, another approves. Each kind of operation says here who may do either, what the
 * second person is shown, how it is carried out and what it concerns; `approvals.ts` does the rest alike for all.
 */
import type { z } from 'zod'
import type { AuditEvent } from '../audit.ts'
import type { By, Note } from '../recording.ts'
import type { Db } from '../store/db.ts'
import type { Role } from '../vocabulary.ts'

/** What an approval is about, so that it ends when that is settled otherwise. */
export interface Concern {
  /** At most one open approval for each. */
  readonly caseId?: string | undefined
  /** Whose number changes; at most one open approval for each. */
  readonly rekeyOf?: string | undefined
  /** For the audit. */
  readonly clientId?: string | undefined
  readonly subjectId?: string | undefined
  readonly detail?: NonNullable<AuditEvent['detail']>
}

/** Who approves (or does it alone), who asked for it, and in which approval; `reason` is the asker's. */
export interface Carrying extends By {
  readonly askedBy: string
  readonly approval?: string
}

export interface Kind<Asked = unknown> {
  /** `noun.verb`. */
  readonly name: string
  /** One sentence: what it does. */
  readonly about: string
  /** One of these roles is needed to ask, and the asker needs it still when another approves. */
  readonly askers: readonly Role[]
  /** One of these is needed to approve. */
  readonly approvers: readonly Role[]
  /** Days that it waits; absent: until it is ended. */
  readonly days?: number
  /** What is asked. It waits sealed as JSON, and this parses it again. */
  readonly asked: z.ZodType<Asked>
  /** Whether only a person may ask for this, not a machine. */
  isForPersons?(asked: Asked): boolean
  /** Whether one person is enough as things are now; absent: never. */
  isAlone?(tx: Db): Promise<boolean>
  /**
   * Belongs into the transaction that asks. Absent: it is carried out and taken back when it is asked, so that what
   * cannot be done is refused at once.
   * @throws BrokerError when it cannot be asked
   */
  check?(tx: Db, asked: Asked): Promise<void>
  concern(tx: Db, asked: Asked): Promise<Concern> | Concern
  /** What it changes, as it is now: shown beside what is asked, and nothing is done when it has changed by then. */
  present?(tx: Db, asked: Asked): Promise<Readonly<Record<string, unknown>>>
  /** Takes the locks that come before the approval's own. */
  lock?(tx: Db, asked: Asked): Promise<unknown>
  /** What the second person is shown: no number in full. */
  show(db: Db, asked: Asked): Promise<Readonly<Record<string, unknown>>> | Readonly<Record<string, unknown>>
  /** Within the approval's transaction. @returns the answer, for who does it alone */
  carryOut(tx: Db, note: Note, asked: Asked, by: Carrying): Promise<unknown>
}

/** Infers what is asked from the schema. */
export const kind = <Asked>(row: Kind<Asked>): Kind<Asked> => row
