/** Operators inactive for a long time, and the access review. */
import { describe, expect, test } from 'vitest'
import { endIdleOperators } from '../../src/admin/idle-operators.ts'
import { watchReview } from '../../src/admin/operator-review.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { operatorReviewDue } from '../../src/telemetry/metrics.ts'
import { createMachine } from '../support/operators/machines.ts'
import { refusal } from '../support/operators/officers.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld()
const tools = { db: world.db, log: createLog({ level: 'silent' }) }
let count = 0
const events = async (event: string, id: string) =>
  world.db.query<{ actor: string; detail: Record<string, string> }>(
    `select actor, detail from audit_event where event = $1 and detail->>'operator' = $2`,
    [event, id],
  )

describe('an operator inactive for 45 days', () => {
  test('loses access at once, is disabled by housekeeping, and is enabled again like other operators', async () => {
    const [one, two] = [
      await world.operator(`security.${++count}`, ['security_officer']),
      await world.operator(`security.${++count}`, ['security_officer']),
    ]
    const id = `idle.${++count}`
    const idle = await world.operator(id, ['viewer'])
    const almost = await world.operator(`${id}-almost`, ['viewer'])
    const age = (days: number, who: string) =>
      world.db.query(
        `update operator set created_at = now() - interval '99 days', last_seen_at = now() - make_interval(days => $1)
         where id = $2`,
        [days, who],
      )
    await age(45, id)
    await age(44, `${id}-almost`)
    expect(await refusal(idle.call('GET', '/v1/whoami'))).toMatchObject({ status: 401 })
    expect(await almost.call('GET', '/v1/whoami')).toMatchObject({ id: `${id}-almost` })
    await endIdleOperators(tools)
    expect(await events('operator.disabled', id)).toMatchObject([
      { actor: 'system', detail: { reason: 'idle' } },
    ])
    expect(await events('operator.disabled', `${id}-almost`)).toEqual([])
    const { approval } = await one.call<{ approval: string }>('POST', `/v1/operators/${id}/enable`, {
      reason: 'was on a long leave',
    })
    await two.call('POST', `/v1/approvals/${approval}/approve`)
    expect(await idle.call('GET', '/v1/whoami')).toMatchObject({ id })
    await endIdleOperators(tools)
    expect(await idle.call('GET', '/v1/whoami')).toMatchObject({ id })
  })
})

describe('the access review', () => {
  interface Report {
    readonly since: string | null
    readonly read_at: string
    readonly due_at: string
    readonly is_overdue: boolean
    readonly operators: readonly { readonly id: string; readonly did: Readonly<Record<string, number>> }[]
  }

  test('lists each operator and its acts since the last review, and says when the next one is due', async () => {
    const id = `reviewer.${++count}`
    const officer = await world.operator(id, ['security_officer', 'auditor'])
    const other = await world.operator(`security.${++count}`, ['security_officer'])
    await world.operator(`${id}-barred`, ['viewer'])
    await officer.call('POST', `/v1/operators/${id}-barred/disable`, { reason: 'for the report' })
    const read = () => officer.call<Report>('GET', '/v1/operator-review')
    const didIn = ({ operators }: Report) => operators.find((operator) => operator.id === id)?.did
    const first = await read()
    expect(didIn(first)).toEqual({ 'operator.disabled': 1 })
    expect(first.operators.length).toBeGreaterThan(3)
    expect(first.is_overdue).toBe(false)

    const confirmReview = (at: string, by = officer) =>
      by.call('POST', '/v1/operator-reviews', { read_at: at })
    expect(await refusal(confirmReview('2999-01-01T00:00:00.000Z'))).toMatchObject({ code: 'state_conflict' })
    expect(
      await refusal(confirmReview(first.read_at, await createMachine(world, ['security_officer']))),
    ).toMatchObject({
      code: 'forbidden',
    })
    // The moment of a review that was never read.
    const between = new Date(Date.parse(first.read_at) - 1).toISOString()
    expect(await refusal(confirmReview(between))).toMatchObject({ code: 'state_conflict' })
    await confirmReview(first.read_at, other)
    expect(await refusal(confirmReview(first.read_at))).toMatchObject({ code: 'state_conflict' })
    const second = await read()
    expect(second.since).toBe(first.read_at)
    expect(didIn(second)).toEqual({ 'operator.review_read': 1 })
    const [row] = await world.db.query(`select 1 from audit_event where event = 'operator.review_confirmed'`)
    expect(row).toBeDefined()
  })

  test('that is overdue is reported by a warning and a metric', async () => {
    await world.db.query(`update operator_review set read_at = now() - interval '7 months'`)
    const lines: string[] = []
    await watchReview({
      db: world.db,
      log: createLog({ level: 'info', destination: { write: (line: string) => void lines.push(line) } }),
    })
    expect(lines.join('')).toContain('"operators.review_overdue"')
    const { values } = await operatorReviewDue.get()
    expect(values[0]!.value).toBeLessThan(Date.now() / 1000)
    const auditor = await world.operator(`auditor.${++count}`, ['auditor'])
    expect(await auditor.call('GET', '/v1/operator-review')).toMatchObject({ is_overdue: true })
  })
})
