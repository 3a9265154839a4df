/** The world in which every story begins, and the state that the model expects in the database. */
import type { Model, ModelOperator, ModelRole } from './approval-model.ts'
import { newNumber } from './operators.ts'

const person = (roles: ModelRole[]): ModelOperator => ({
  kind: 'person',
  roles,
  disabled: false,
  wasOfficer: roles.includes('security_officer'),
  maker: 'local',
})
/** @param isYoung only one person has ever been security officer */
export const beginning = (isYoung: boolean): Model => ({
  operators: {
    one: person(['security_officer']),
    two: person([isYoung ? 'viewer' : 'security_officer']),
    officer: person(['mapping_officer']),
    other: person(['mapping_officer']),
    both: person(isYoung ? ['mapping_officer'] : ['mapping_officer', 'security_officer']),
    robot: { ...person(['mapping_officer', 'security_officer']), kind: 'machine', maker: 'both' },
  },
  approvals: [],
  accounts: [0, 1, 2].map((index) => ({ state: index === 2 ? 'in_review' : 'open', holder: null })),
  cases: [{ account: 2, person: null, outcome: null }],
  people: [0, 1, 2].map(() => ({ number: newNumber(), earlier: [], replacedBy: null })),
})

export const expectedState = (model: Model) => ({
  approvals: model.approvals.map(({ outcome, endedBy }) => ({
    outcome,
    by: endedBy,
    sealed: outcome === null,
  })),
  operators: Object.entries(model.operators)
    .map(([id, { roles: given, disabled }]) => ({ id, roles: given, disabled }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  accounts: model.accounts.map(({ state, holder }) => ({ state, holder: holder ?? -1 })),
  cases: model.cases.map(({ outcome, person: whose }) => ({ outcome, person: whose ?? -1 })),
})
