/**
 * Decisions that take two persons: what one operator asks for is tried, taken back and kept, sealed, until another
 * person who may has approved it. A row of the API says what is done and when one person is still enough.
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { AuditEvent } from '../audit.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { type By, type Note, audited } from '../recording.ts'
import { assertTwoPersons } from '../mapping/two-persons.ts'
import type { Seal } from '../crypto/seal.ts'
import type { Database, Db } from '../store/db.ts'
import {
  type DecisionRow,
  expireDecisions,
  insertDecision,
  listOpenDecisions,
  lockDecision,
  settleDecision,
} from '../store/decisions.ts'
import { uuidOf } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'
import { limit, momentCursor, momentCursorOf, pageEnd, pageOf } from './paging.ts'
import type { Decider } from '../operators/operators.ts'
import type { Operator } from '../operators/operator.ts'
import { type Role, roles } from '../vocabulary.ts'

/** Days that a decision waits for its second person. */
const patience = 7

/** What was asked for: as JSON, for it lies sealed until it is decided. */
export interface Asked<Body = unknown> {
  readonly params: Readonly<Record<string, string>>
  readonly body: Body
  /** What it is to change, as it was when it was asked for. */
  readonly present?: Readonly<Record<string, unknown>>
}

interface Row<Body> {
  readonly method: Operation['method']
  readonly path: string
  readonly about: string
  /** Who may ask. */
  readonly roles: readonly Role[]
  /** Who may approve; absent: the same. */
  readonly approvers?: readonly Role[]
  /** What it makes must be JSON, and be taken again as it is. */
  readonly body: z.ZodType<Body>
  /** When it is done at once. */
  readonly status?: number
  readonly answer?: z.ZodType
  /** Whether one person is enough, as things are now. */
  isAlone(tx: Db): Promise<boolean>
  /** Whether only a person may ask for this, not a machine. */
  isForPersons?(asked: Asked<Body>): boolean
  /** What it is to change, as it is now: shown beside what is asked, and nothing is done when it is another by then. */
  present?(tx: Db, asked: Asked<Body>): Promise<Readonly<Record<string, unknown>>>
  /** What the audit keeps of it, however it ends. */
  concerns?(asked: Asked<Body>): NonNullable<AuditEvent['detail']>
  /** What the second person is shown: no number. */
  tell(asked: Asked<Body>): Readonly<Record<string, unknown>>
  /** @returns the answer */
  decide(tx: Db, note: Note, asked: Asked<Body>, by: Decider): Promise<unknown>
}

export interface SecondPerson {
  /** A row that is answered 202 when it waits. */
  row<Body>(row: Row<Body>): Operation
  /** Reads, approves and declines what waits. */
  readonly operations: readonly Operation[]
}

const waiting = z.object({
  id: z.uuid(),
  operation: z.string(),
  about: z.string(),
  asks: z.record(z.string(), z.unknown()),
  proposed_by: z.string(),
  proposed_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
})

/** Ends what nobody decided in time. */
export const endDecisions = ({ db, log }: { db: Database; log: Log }): Promise<void> =>
  audited({ db, log }, async (tx, note) => {
    for (const ended of await expireDecisions(tx)) noteEnd(note, ended, { actor: 'system' }, 'expired')
  })

const noteEnd = (
  note: Note,
  { id, operation: name }: Pick<DecisionRow, 'id' | 'operation'>,
  { actor, reference }: By,
  outcome: string,
) =>
  note({
    event: 'decision.ended',
    actor,
    reference,
    detail: { decision: id, operation: name, outcome },
  })

/** @throws BrokerError `state_conflict`: another decision came first, and this one was not asked for knowing it */
async function assertUnchanged(tx: Db, row: Row<unknown>, asked: Asked): Promise<void> {
  const present = await row.present?.(tx, asked)
  if (JSON.stringify(present) !== JSON.stringify(asked.present))
    throw new BrokerError('state_conflict', 'what it changes is another by now: ask anew')
}

export function createSecondPerson({ db, seal, log }: { db: Database; seal: Seal; log: Log }): SecondPerson {
  const rows = new Map<string, Row<unknown>>()

  const open = (row: Row<unknown>, { id, sealed }: DecisionRow): Asked => {
    const asked = JSON.parse(seal.open(sealed!, id)) as Asked
    return { ...asked, body: row.body.parse(asked.body) }
  }
  const mayDecide = ({ approvers, roles: askers }: Row<unknown>, operator: Operator): boolean =>
    (approvers ?? askers).some((role) => operator.roles.includes(role))
  /** Open still, and this operator's to decide. */
  async function take(tx: Db, id: string, operator: Operator) {
    const decision = await lockDecision(tx, uuidOf(id))
    if (decision === undefined || decision.outcome !== null || decision.expired)
      throw new BrokerError('case_gone')
    const row = rows.get(decision.operation)
    if (row === undefined) throw new BrokerError('case_gone')
    const isOwn = decision.proposedBy === operator.id
    if (!isOwn && !mayDecide(row, operator))
      throw new BrokerError('forbidden', 'the decision is not for your roles')
    return { decision, row }
  }
  /** Does it all and takes it back: what cannot be done is refused now, not when the second person approves. */
  async function attempt(row: Row<unknown>, asked: Asked, by: Decider): Promise<void> {
    const enough = new Error('tried')
    await db
      .transaction(async (tx) => {
        await row.decide(tx, () => {}, asked, by)
        throw enough
      })
      .catch((error: unknown) => {
        if (error !== enough) throw error
      })
  }

  return {
    row<Body>(given: Row<Body>) {
      const row = given as unknown as Row<unknown>
      const name = `${row.method} ${row.path}`
      rows.set(name, row)
      return operation({
        ...pick(row),
        twoPersons: true,
        async handle({ operator, params, body, reference, ctx }) {
          const sent: Asked = { params, body }
          if (operator.kind !== 'person' && row.isForPersons?.(sent) === true)
            throw new BrokerError('forbidden', 'a person asks for this')
          const by = { actor: operator.id, reference }
          const done = await audited({ db, log }, async (tx, note) => {
            if (operator.kind !== 'person' || !(await row.isAlone(tx))) return undefined
            return { answer: await row.decide(tx, note, sent, { ...by, detail: { alone: true } }) }
          })
          if (done !== undefined) return done.answer
          await attempt(row, sent, by)
          const asked: Asked = { ...sent, ...(row.present && { present: await row.present(db, sent) }) }
          const id = randomUUID()
          const sealed = seal.seal(JSON.stringify(asked), id)
          const expiresAt = await audited({ db, log }, async (tx, note) => {
            const detail = { decision: id, operation: name, ...row.concerns?.(asked) }
            note({ event: 'decision.proposed', ...by, detail })
            return insertDecision(tx, {
              id,
              operation: name,
              sealed,
              by: operator.id,
              days: patience,
            })
          })
          ctx.status = 202
          ctx.body = { decision: id, expires_at: expiresAt }
          return undefined
        },
      })
    },

    operations: [
      operation({
        method: 'GET',
        path: '/v1/decisions',
        about:
          'What waits for a second person, of that which the caller may decide or audit; the oldest first.',
        roles,
        query: z.strictObject({ after: momentCursor.optional(), limit }),
        answer: z.object({ decisions: z.array(waiting), ...pageEnd }),
        async handle({ operator, query: { after, limit: longest } }) {
          const isReader = operator.roles.includes('auditor')
          const operations = [...rows]
            .filter(([, row]) => isReader || mayDecide(row, operator))
            .map(([name]) => name)
          const listed = await listOpenDecisions(db, { operations, after, limit: longest + 1 })
          const page = pageOf(listed, { limit: longest, after: after?.text }, momentCursorOf)
          return { decisions: page.rows.map(tell), ...page.end }
        },
      }),

      operation({
        method: 'POST',
        path: '/v1/decisions/:id/approve',
        about:
          'The second person’s half: carries out what waits. When it cannot be carried out, it goes on waiting.',
        roles,
        refuses: ['case_gone', 'second_person_needed', 'state_conflict', 'not_found'],
        handle: ({ operator, params, reference }) =>
          audited({ db, log }, async (tx, note) => {
            const { decision, row } = await take(tx, params.id, operator)
            const { id, proposedBy } = decision
            await assertTwoPersons(tx, decision, { by: operator.id, roles: row.roles })
            const asked = open(row, decision)
            await assertUnchanged(tx, row, asked)
            const by = { actor: operator.id, reference, detail: { proposed_by: proposedBy } }
            await settleDecision(tx, id, { outcome: 'approved', by: operator.id })
            noteEnd(note, decision, by, 'approved')
            await row.decide(tx, note, asked, by)
          }),
      }),

      operation({
        method: 'POST',
        path: '/v1/decisions/:id/decline',
        about: 'Ends what waits without doing it: declined, or withdrawn by who proposed it.',
        roles,
        refuses: ['case_gone'],
        handle: ({ operator, params, reference }) =>
          audited({ db, log }, async (tx, note) => {
            const { decision } = await take(tx, params.id, operator)
            const outcome = decision.proposedBy === operator.id ? 'withdrawn' : 'declined'
            await settleDecision(tx, decision.id, { outcome, by: operator.id })
            noteEnd(note, decision, { actor: operator.id, reference }, outcome)
          }),
      }),
    ],
  }

  function tell(decision: DecisionRow) {
    const row = rows.get(decision.operation)!
    const asked = open(row, decision)
    return {
      id: decision.id,
      operation: decision.operation,
      about: row.about,
      asks: { ...row.tell(asked), ...asked.present },
      proposed_by: decision.proposedBy,
      proposed_at: decision.proposedAt,
      expires_at: decision.expiresAt,
    }
  }
}

const pick = ({ method, path, about, roles: may, body, status, answer }: Row<unknown>) => ({
  method,
  path,
  about,
  roles: may,
  body,
  ...(status !== undefined && { status }),
  ...(answer !== undefined && { answer }),
})
