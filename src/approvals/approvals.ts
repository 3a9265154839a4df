/** The engine of all operations that need two persons: a request is stored sealed until another person approves it. */
import { randomUUID } from 'node:crypto'
import type { Seal } from '../crypto/seal.ts'
import { BrokerError } from '../errors.ts'
import { type By, type Note, audited } from '../recording.ts'
import {
  type ApprovalRow,
  endApproval,
  endApprovalsOf,
  expireApprovals,
  findApproval,
  insertApproval,
  listOpenApprovals,
} from '../store/approvals.ts'
import { type Database, type Db, isUniqueViolation } from '../store/db.ts'
import { findOperator, judgeApproval } from '../store/operators.ts'
import type { MomentCursor } from '../store/reviews.ts'
import type { Log } from '../telemetry/log.ts'
import type { Carrying, Kind } from './kind.ts'

interface Tools {
  readonly db: Database
  readonly log: Log
}

export interface Asking extends By {
  /** What the request is based on: which papers were checked, by whom, where. Stored with the reason. */
  readonly evidence?: string
}
/** Either an open approval, or the answer if one person was enough. */
export type Asked =
  | { readonly approval: string; readonly expiresAt: Date | null }
  | { readonly answer: unknown }

export interface Approvals {
  readonly kinds: readonly Kind[]
  ask<T>(kind: Kind<T>, asked: T, by: Asking): Promise<Asked>
  /** Approves and carries out. If it cannot be carried out, the approval stays open. */
  approve(id: string, by: By): Promise<void>
  /** Ends it without carrying it out: withdrawn by its asker, or declined by an operator who may approve it. */
  decline(id: string, by: By): Promise<void>
  /** Lists the open approvals of these kinds, oldest first, with what the second person needs to see. */
  list(
    kinds: readonly Kind[],
    page: { readonly after: MomentCursor | undefined; readonly limit: number },
  ): Promise<Waiting[]>
}
export type Waiting = ApprovalRow &
  MomentCursor & { readonly about: string; readonly asks: Readonly<Record<string, unknown>> }

/** The sealed content, as JSON. */
interface Held {
  readonly asked: unknown
  readonly present?: Readonly<Record<string, unknown>>
}

export function createApprovals({
  db,
  log,
  seal,
  kinds,
}: Tools & { readonly seal: Seal; readonly kinds: readonly Kind[] }): Approvals {
  const open = ({ asked: schema }: Kind, { id, sealed }: ApprovalRow): Held => {
    const held = JSON.parse(seal.open(sealed!, id)) as Held
    return { ...held, asked: schema.parse(held.asked) }
  }
  async function find(tx: Db, id: string): Promise<{ approval: ApprovalRow; kind: Kind }> {
    const approval = await findApproval(tx, id)
    const kind = kinds.find(({ name }) => name === approval?.kind)
    if (approval === undefined || kind === undefined) throw new BrokerError('case_gone')
    return { approval, kind }
  }

  return {
    kinds,

    async ask(kind, asked, by) {
      const isPerson = (await findOperator(db, by.actor))?.kind === 'person'
      if (!isPerson && kind.isForPersons?.(asked) === true)
        throw new BrokerError('forbidden', 'only a person may ask for this')
      const carrying = { ...by, askedBy: by.actor }
      const done = await audited({ db, log }, async (tx, note) => {
        if (!isPerson || (await kind.isAlone?.(tx)) !== true) return undefined
        return { answer: await kind.carryOut(tx, note, asked, carrying) }
      })
      if (done !== undefined) return done
      if (kind.check === undefined) await rehearse(db, (tx) => kind.carryOut(tx, () => {}, asked, carrying))
      return audited({ db, log }, async (tx, note) => {
        await kind.check?.(tx, asked)
        const held: Held = { asked, ...(kind.present && { present: await kind.present(tx, asked) }) }
        const { caseId, rekeyOf, clientId, subjectId, detail } = await kind.concern(tx, asked)
        const id = randomUUID()
        const { actor, reference, reason, evidence } = by
        const expiresAt = await insertApproval(tx, {
          id,
          kind: kind.name,
          sealed: seal.seal(JSON.stringify(held), id),
          caseId,
          subjectId: rekeyOf,
          reason,
          evidence,
          by: actor,
          days: kind.days,
        }).catch((error: unknown) => {
          if (!isUniqueViolation(error)) throw error
          throw new BrokerError('state_conflict', 'an open approval for this exists already')
        })
        note({
          event: 'approval.asked',
          clientId,
          subjectId,
          actor,
          reference,
          detail: { approval: id, kind: kind.name, ...(caseId !== undefined && { case: caseId }), ...detail },
        })
        return { approval: id, expiresAt }
      })
    },

    approve: (id, { actor, reference }) =>
      audited({ db, log }, async (tx, note) => {
        const { approval, kind } = await find(tx, id)
        const { askedBy, outcome, isLate, reason } = approval
        const verdict = await judge(tx, approval, kind, actor)
        if (!verdict.areTwo) throw new BrokerError('second_person_needed')
        if (!verdict.isApprover) throw notForRoles()
        if (outcome !== null || isLate) throw new BrokerError('case_gone')
        if (!verdict.mayStillAsk)
          throw new BrokerError(
            'state_conflict',
            'the operator who asked for it is disabled or no longer has the role',
          )
        const { asked, present } = open(kind, approval)
        await kind.lock?.(tx, asked)
        // The database decides this race: the second of two approvals finds the row already ended.
        if (!(await endApproval(tx, id, { outcome: 'approved', by: actor })))
          throw new BrokerError('case_gone')
        if (JSON.stringify(await kind.present?.(tx, asked)) !== JSON.stringify(present))
          throw new BrokerError(
            'state_conflict',
            'the data has changed since the approval was asked for: ask again',
          )
        noteEnd(note, { ...approval, outcome: 'approved' }, { actor, reference })
        const by: Carrying = { actor, reference, askedBy, approval: id, ...(reason !== null && { reason }) }
        await kind.carryOut(tx, note, asked, by)
      }),

    decline: (id, { actor, reference }) =>
      audited({ db, log }, async (tx, note) => {
        const { approval, kind } = await find(tx, id)
        const outcome = approval.askedBy === actor ? 'withdrawn' : 'declined'
        if (outcome === 'declined' && !(await judge(tx, approval, kind, actor)).isApprover)
          throw notForRoles()
        if (!(await endApproval(tx, id, { outcome, by: actor }))) throw new BrokerError('case_gone')
        noteEnd(note, { ...approval, outcome }, { actor, reference })
      }),

    async list(some, page) {
      const rows = await listOpenApprovals(db, { kinds: some.map(({ name }) => name), ...page })
      return Promise.all(
        rows.map(async (row) => {
          const kind = some.find(({ name }) => name === row.kind)!
          const { asked, present } = open(kind, row)
          return { ...row, about: kind.about, asks: { ...(await kind.show(db, asked)), ...present } }
        }),
      )
    },
  }
}

const judge = (tx: Db, { askedBy, barred }: ApprovalRow, { askers, approvers }: Kind, by: string) =>
  judgeApproval(tx, { askedBy, barred, askers, approvedBy: by, approvers })

const notForRoles = () => new BrokerError('forbidden', 'none of your roles may approve this')

/** Runs the work in a transaction and rolls it back. */
async function rehearse(db: Database, work: (tx: Db) => Promise<unknown>): Promise<void> {
  const enough = new Error('rehearsed')
  await db
    .transaction(async (tx) => {
      await work(tx)
      throw enough
    })
    .catch((error: unknown) => {
      if (error !== enough) throw error
    })
}

type Ended = Pick<ApprovalRow, 'id' | 'kind' | 'subjectId' | 'clientId' | 'outcome'>
const noteEnd = (note: Note, { id, kind, subjectId, clientId, outcome }: Ended, by: By): void =>
  note({
    event: 'approval.ended',
    clientId: clientId ?? undefined,
    subjectId: subjectId ?? undefined,
    actor: by.actor,
    reference: by.reference,
    detail: { approval: id, kind, outcome: outcome! },
  })

/** Ends the open approvals of a case, an account or a person that was decided in another way. */
export async function endApprovals(
  tx: Db,
  note: Note,
  what: { readonly caseId: string } | { readonly account: string } | { readonly rekeyOf: string },
  by: By,
): Promise<void> {
  for (const ended of await endApprovalsOf(tx, { ...what, by: by.actor })) noteEnd(note, ended, by)
}

/** Ends the approvals that have expired. */
export const endLateApprovals = (tools: Tools): Promise<void> =>
  audited(tools, async (tx, note) => {
    for (const ended of await expireApprovals(tx)) noteEnd(note, ended, { actor: 'system' })
  })
