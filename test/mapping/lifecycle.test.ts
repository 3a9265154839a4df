/** Until when, and through which states: the law's dates, and the life of a legacy account. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type LockPolicy, legalDates, lockStand } from '../../src/mapping/lock.ts'
import { machine } from '../../src/mapping/states.ts'

const atLaw: LockPolicy = { lock: {} }
const millisecond = (day: string, before = 0) => Date.parse(`${day}T00:00:00+07:00`) - before
const phaseOf = (
  population: 'citizen' | 'organisation' | 'foreigner' | 'staff',
  now: number,
  policy = atLaw,
) => lockStand(population, policy, now).phase

describe('the law counts by days in Vietnam', () => {
  test.each([
    ['citizen', '2024-06-15', 'open', 'grace'],
    ['citizen', '2024-07-01', 'grace', 'locked'],
    ['organisation', '2024-07-01', 'open', 'grace'],
    ['organisation', '2025-07-01', 'grace', 'locked'],
  ] as const)('%s accounts, midnight of %s: %s becomes %s', (population, day, before, from) => {
    expect(phaseOf(population, millisecond(day, 1))).toBe(before)
    expect(phaseOf(population, millisecond(day))).toBe(from)
  })

  test("foreigners' accounts have no date yet, and staff's never will", () => {
    for (const now of [0, millisecond('2024-07-01'), millisecond('2100-01-01')]) {
      expect(lockStand('foreigner', atLaw, now)).toEqual({
        phase: 'open',
        lockedFrom: undefined,
        latecomer: false,
      })
      expect(phaseOf('staff', now)).toBe('exempt')
    }
  })

  test('who is locked out, or soon will be, can be told since when', () => {
    for (const population of ['citizen', 'organisation'] as const) {
      const { locked } = legalDates[population]
      for (const now of [0, millisecond('2100-01-01')])
        expect(lockStand(population, atLaw, now).lockedFrom).toBe(locked)
    }
  })
})

describe('a portal may have dates of its own', () => {
  const policy: LockPolicy = {
    lock: { citizen: { locked: '2026-03-01' }, foreigner: { grace: '2026-01-01' } },
  }

  test('they stand in the place of all of the law’s for that population, and of no other', () => {
    expect(phaseOf('citizen', millisecond('2024-06-20'), policy)).toBe('open')
    expect(phaseOf('citizen', millisecond('2026-03-01', 1), policy)).toBe('open')
    expect(phaseOf('citizen', millisecond('2026-03-01'), policy)).toBe('locked')
    expect(phaseOf('foreigner', millisecond('2026-01-01'), policy)).toBe('grace')
    expect(phaseOf('organisation', millisecond('2025-07-01'), policy)).toBe('locked')
  })

  test('a written exception for late-comers holds through its last day, and only once the lock has fallen', () => {
    const late: LockPolicy = { lock: {}, latecomers: { reference: 'CV-12/2024', until: '2024-12-31' } }
    const isLate = (now: number) => lockStand('citizen', late, now)
    expect(isLate(millisecond('2024-07-01', 1))).toMatchObject({ phase: 'grace', latecomer: false })
    expect(isLate(millisecond('2024-07-01'))).toMatchObject({ phase: 'locked', latecomer: true })
    expect(isLate(millisecond('2025-01-01', 1))).toMatchObject({ phase: 'locked', latecomer: true })
    expect(isLate(millisecond('2025-01-01'))).toMatchObject({ phase: 'locked', latecomer: false })
    expect(lockStand('foreigner', late, millisecond('2024-07-01')).latecomer).toBe(false)
  })
})

describe('the life of a legacy account', () => {
  test('is what the README draws: every state, every event, and no more', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    const [, section = ''] = /^## The life of a legacy account\n(.*?)(?=^## )/ms.exec(readme) ?? []
    const [, drawing = ''] = /^```mermaid\nstateDiagram-v2\n(.*?)^```$/ms.exec(section) ?? []
    const drawn = drawing.split('\n').filter((line) => line.includes('-->') && !line.includes('[*]'))
    const table = Object.entries(machine).flatMap(([from, events]) =>
      Object.entries(events).map(([event, to]) => `${from} --> ${to}: ${event}`),
    )
    expect(drawn.map((line) => line.trim()).toSorted()).toEqual(table.toSorted())
  })

  test('no state is a dead end, and a link follows an end only by a human', () => {
    for (const events of Object.values(machine)) expect(Object.keys(events).length).toBeGreaterThan(0)
    const intoLinked = Object.entries(machine).flatMap(([from, events]) =>
      Object.entries(events)
        .filter(([, to]) => to === 'linked')
        .map(([event]) => [from, event]),
    )
    expect(intoLinked).toEqual([
      ['open', 'link'],
      ['in_review', 'approve'],
    ])
    expect(machine.linked).toEqual({ end: 'in_review' })
  })
})
