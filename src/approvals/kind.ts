/**
 * The kinds of operations that need two persons: one asks, another approves. Each kind declares who may ask and approve,
 * what the second person sees, how it is carried out and what it concerns. `approvals.ts` does the rest for all kinds.
 */
import type { z } from 'zod'
import type { AuditEvent } from '../audit.ts'
import type { By, Note } from '../recording.ts'
import type { Db } from '../store/db.ts'
import type { Role } from '../vocabulary.ts'

/** What an approval is about; it ends when that is decided in another way. */
export interface Concern {
  /** At most one open approval for each. */
  readonly caseId?: string | undefined
  /** Subject whose number changes; at most one open approval for each. */
  readonly rekeyOf?: string | undefined
  /** For the audit. */
  readonly clientId?: string | undefined
  readonly subjectId?: string | undefined
  readonly detail?: NonNullable<AuditEvent['detail']>
}

/** `actor`: who approves, or acts alone; `askedBy`: who asked; `approval`: its id; `reason`: the asker's. */
export interface Carrying extends By {
  readonly askedBy: string
  readonly approval?: string
}

export interface Kind<Asked = unknown> {
  /** `noun.verb`. */
  readonly name: string
  /** What it does, in one or two sentences. */
  readonly about: string
  /** The asker needs one of these roles, both when asking and when another person approves. */
  readonly askers: readonly Role[]
  /** The approver needs one of these roles. */
  readonly approvers: readonly Role[]
  /** Days after which it expires. Absent: it does not expire. */
  readonly days?: number
  /** Schema of the request. It is stored as sealed JSON and parsed again when it is read. */
  readonly asked: z.ZodType<Asked>
  /** Whether only a person may ask for this, not a machine. Absent: both may. */
  isForPersons?(asked: Asked): boolean
  /** Whether one person is enough at present. Absent: never. */
  isAlone?(tx: Db): Promise<boolean>
  /**
   * Runs in the transaction that asks. Absent: asking carries the operation out and rolls it back, so that a request
   * that cannot be carried out is refused at once.
   * @throws BrokerError when it cannot be asked
   */
  check?(tx: Db, asked: Asked): Promise<void>
  concern(tx: Db, asked: Asked): Promise<Concern> | Concern
  /** The current state of what it changes: shown with the request. Approving is refused if it has changed since. */
  present?(tx: Db, asked: Asked): Promise<Readonly<Record<string, unknown>>>
  /** Takes the locks that must be taken before the approval's own. */
  lock?(tx: Db, asked: Asked): Promise<unknown>
  /** What the second person sees. Numbers are masked. */
  show(db: Db, asked: Asked): Promise<Readonly<Record<string, unknown>>> | Readonly<Record<string, unknown>>
  /** Runs in the approval's transaction. @returns the answer, used only when one person acts alone */
  carryOut(tx: Db, note: Note, asked: Asked, by: Carrying): Promise<unknown>
}

/** Infers the type of the request from the schema. */
export const kind = <Asked>(row: Kind<Asked>): Kind<Asked> => row
