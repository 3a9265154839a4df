/** The law's lock dates, and the states of a legacy account. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type LockPolicy, legalDates, lockStatus } from '../../src/mapping/lock.ts'
import { machine } from '../../src/mapping/states.ts'

const atLaw: LockPolicy = { lock: {} }
const millisecond = (day: string, before = 0) => Date.parse(`${day}T00:00:00+07:00`) - before
const phaseOf = (
  population: 'citizen' | 'organisation' | 'foreigner' | 'staff',
  now: number,
  policy = atLaw,
) => lockStatus(population, policy, now).phase

describe('the dates of the law are days in Vietnam', () => {
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
      expect(lockStatus('foreigner', atLaw, now)).toEqual({
        phase: 'open',
        lockedFrom: undefined,
        latecomer: false,
      })
      expect(phaseOf('staff', now)).toBe('exempt')
    }
  })

  test('a population with a past or future lock has the date of the lock', () => {
    for (const population of ['citizen', 'organisation'] as const) {
      const { locked } = legalDates[population]
      for (const now of [0, millisecond('2100-01-01')])
        expect(lockStatus(population, atLaw, now).lockedFrom).toBe(locked)
    }
  })
})

describe('a portal may have its own dates', () => {
  const policy: LockPolicy = {
    lock: { citizen: { locked: '2026-03-01' }, foreigner: { grace: '2026-01-01' } },
  }

  test('a portal’s dates replace all dates of the law for that population, and for no other', () => {
    expect(phaseOf('citizen', millisecond('2024-06-20'), policy)).toBe('open')
    expect(phaseOf('citizen', millisecond('2026-03-01', 1), policy)).toBe('open')
    expect(phaseOf('citizen', millisecond('2026-03-01'), policy)).toBe('locked')
    expect(phaseOf('foreigner', millisecond('2026-01-01'), policy)).toBe('grace')
    expect(phaseOf('organisation', millisecond('2025-07-01'), policy)).toBe('locked')
  })

  test('a written exception for late requests holds from the lock through its last day', () => {
    const late: LockPolicy = { lock: {}, latecomers: { reference: 'CV-12/2024', until: '2024-12-31' } }
    const isLate = (now: number) => lockStatus('citizen', late, now)
    expect(isLate(millisecond('2024-07-01', 1))).toMatchObject({ phase: 'grace', latecomer: false })
    expect(isLate(millisecond('2024-07-01'))).toMatchObject({ phase: 'locked', latecomer: true })
    expect(isLate(millisecond('2025-01-01', 1))).toMatchObject({ phase: 'locked', latecomer: true })
    expect(isLate(millisecond('2025-01-01'))).toMatchObject({ phase: 'locked', latecomer: false })
    expect(lockStatus('foreigner', late, millisecond('2024-07-01')).latecomer).toBe(false)
  })
})

describe('the states of a legacy account', () => {
  test('are exactly those of the README’s diagram, with every event', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    const [, section = ''] = /^## The life of a legacy account\n(.*?)(?=^## )/ms.exec(readme) ?? []
    const [, drawing = ''] = /^```mermaid\nstateDiagram-v2\n(.*?)^```$/ms.exec(section) ?? []
    const drawn = drawing.split('\n').filter((line) => line.includes('-->') && !line.includes('[*]'))
    const table = Object.entries(machine).flatMap(([from, events]) =>
      Object.entries(events).map(([event, to]) => `${from} --> ${to}: ${event}`),
    )
    expect(drawn.map((line) => line.trim()).toSorted()).toEqual(table.toSorted())
  })

  test('every state can be left, and after a link ends only an operator can create another', () => {
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
