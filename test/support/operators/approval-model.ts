/**
 * A model of approvals as plain data without a database: who may ask, who may approve, what ends an approval. It shares
 * no code with the engine that it checks.
 */
export type ModelRole = 'viewer' | 'mapping_officer' | 'security_officer'

export type Asked =
  | { readonly kind: 'create'; readonly id: string; readonly isMachine: boolean; readonly roles: ModelRole[] }
  | { readonly kind: 'roles'; readonly target: string; readonly roles: ModelRole[] }
  | { readonly kind: 'enable'; readonly target: string }
  | { readonly kind: 'key'; readonly target: string }
  | { readonly kind: 'case'; readonly question: number }
  | { readonly kind: 'rekey'; readonly person: number; readonly from: string; readonly to: string }

export interface ModelOperator {
  kind: 'person' | 'machine'
  roles: ModelRole[]
  disabled: boolean
  wasOfficer: boolean
  /** For a machine: who created it, and who set its key. */
  maker: string
  keyMaker?: string
}
export interface ModelApproval {
  readonly asked: Asked
  readonly by: string
  readonly barred: string[]
  /** The target's roles when a change of roles was asked for. */
  readonly present: string | undefined
  outcome: 'approved' | 'declined' | 'withdrawn' | 'expired' | null
  endedBy: string | null
  /** It has expired, and the row is not marked yet. */
  isLate: boolean
}
export interface Model {
  operators: Record<string, ModelOperator>
  approvals: ModelApproval[]
  accounts: { state: 'open' | 'in_review' | 'linked' | 'retired'; holder: number | null }[]
  cases: { account: number; person: number | null; outcome: string | null }[]
  people: { number: string; earlier: string[]; replacedBy: number | null }[]
}

/** All reasons against one act. Empty: it must succeed. */
export type Reasons = Set<string>

const isIn = (m: Model, id: string) => m.operators[id] !== undefined && !m.operators[id].disabled
const has = (m: Model, id: string, roles: readonly ModelRole[]) =>
  m.operators[id]?.roles.some((role) => roles.includes(role)) === true
const makersOf = (m: Model, id: string): string[] => {
  const { kind, maker, keyMaker } = m.operators[id]!
  return kind === 'person' ? [] : [maker, ...(keyMaker === undefined ? [] : [keyMaker])]
}
const isMapping = ({ kind }: Asked) => kind === 'case' || kind === 'rekey'
const askers = (asked: Asked): readonly ModelRole[] =>
  isMapping(asked)
    ? ['mapping_officer']
    : asked.kind === 'key'
      ? ['viewer', 'mapping_officer', 'security_officer']
      : ['security_officer']
const approvers = (asked: Asked): readonly ModelRole[] =>
  isMapping(asked) ? ['mapping_officer'] : ['security_officer']

const reasons = (against: Readonly<Record<string, boolean>>): Reasons =>
  new Set(Object.entries(against).flatMap(([code, holds]) => (holds ? [code.split(' ')[0]!] : [])))

/** Reasons against any act: not enabled, or none of the roles. */
export function reasonsAgainst(m: Model, who: string, roles: readonly ModelRole[]): Reasons {
  if (!isIn(m, who)) return new Set(['unauthenticated'])
  return reasons({ forbidden: !has(m, who, roles) })
}

const isLastOfficer = (m: Model, id: string): boolean => {
  const officers = Object.entries(m.operators).filter(
    ([name, { kind, roles }]) => kind === 'person' && isIn(m, name) && roles.includes('security_officer'),
  )
  return officers.length === 1 && officers[0]![0] === id
}
export const mayDisable = (m: Model, id: string): Reasons =>
  reasons({
    not_found: m.operators[id] === undefined,
    state_conflict: m.operators[id]?.disabled === true || isLastOfficer(m, id),
  })

/** Until two persons have been security officers, one person is enough for requests about operators. */
export const isAlone = (m: Model, who: string, asked: Asked): boolean =>
  !isMapping(asked) &&
  m.operators[who]!.kind === 'person' &&
  Object.values(m.operators).filter(({ kind, wasOfficer }) => kind === 'person' && wasOfficer).length < 2

const holderOf = (m: Model, number: string) =>
  m.people.findIndex((person) => person.replacedBy === null && person.number === number)
const openFor = (m: Model, isAbout: (asked: Asked) => boolean) =>
  m.approvals.filter(({ outcome, asked }) => outcome === null && isAbout(asked))

/** Reasons against carrying it out in the current state. */
function hindrances(m: Model, asked: Asked, by: string): Reasons {
  switch (asked.kind) {
    case 'create':
      return reasons({ state_conflict: m.operators[asked.id] !== undefined })
    case 'roles': {
      const loses = !asked.roles.includes('security_officer')
      return reasons({
        not_found: m.operators[asked.target] === undefined,
        state_conflict: loses && isLastOfficer(m, asked.target),
      })
    }
    case 'enable':
      return reasons({
        not_found: m.operators[asked.target] === undefined,
        state_conflict: m.operators[asked.target]?.disabled === false,
      })
    case 'key': {
      const target = m.operators[asked.target]
      const mayMake = target?.kind === 'person' ? asked.target === by : has(m, by, ['security_officer'])
      return reasons({ not_found: target === undefined, forbidden: target !== undefined && !mayMake })
    }
    case 'case': {
      const { account, person, outcome } = m.cases[asked.question]!
      const { state } = m.accounts[account]!
      const fits = person === null ? state === 'in_review' : state === 'open' || state === 'in_review'
      return reasons({ case_gone: outcome !== null, state_conflict: !fits })
    }
    default: {
      const other = m.people[holderOf(m, asked.to)]
      const isCancelled = m.people.some(({ earlier }) => earlier.includes(asked.to))
      const hasLinks = m.accounts.some(({ holder }) => holder !== null && m.people[holder] === other)
      const isKept = other !== undefined && (other.earlier.length > 0 || hasLinks)
      return reasons({ state_conflict: isCancelled || isKept })
    }
  }
}

export function reasonsAgainstAsking(m: Model, who: string, asked: Asked): Reasons {
  const against = reasonsAgainst(m, who, askers(asked))
  if (against.has('unauthenticated')) return against
  const isForPersons = asked.kind === 'key' || (asked.kind === 'create' && asked.isMachine)
  if (isForPersons && m.operators[who]!.kind === 'machine') against.add('forbidden')
  // Requests about accounts and people may be asked for although they cannot be carried out yet; others are rehearsed.
  const now = isMapping(asked) ? new Set<string>() : hindrances(m, asked, who)
  if (asked.kind === 'case') {
    const { person, account, outcome } = m.cases[asked.question]!
    if (outcome !== null) now.add('case_gone')
    if (person === null && m.accounts[account]!.state !== 'in_review') now.add('state_conflict')
    const isOpen = openFor(m, (one) => one.kind === 'case' && one.question === asked.question).length > 0
    if (isOpen) now.add('state_conflict')
  }
  if (asked.kind === 'rekey') {
    if (asked.to === m.people[asked.person]!.number) now.add('input_invalid')
    if (openFor(m, (one) => one.kind === 'rekey' && one.person === asked.person).length > 0)
      now.add('state_conflict')
  }
  return against.union(now)
}

export const isOver = ({ outcome, isLate }: ModelApproval): boolean => outcome !== null || isLate

export function reasonsAgainstApproving(m: Model, who: string, approval: ModelApproval): Reasons {
  const { asked, by, barred, present } = approval
  if (!isIn(m, who)) return new Set(['unauthenticated'])
  const target = asked.kind === 'roles' ? m.operators[asked.target] : undefined
  return reasons({
    case_gone: isOver(approval),
    forbidden: !has(m, who, approvers(asked)),
    second_person_needed:
      who === by || m.operators[who]!.kind === 'machine' || [...barred, ...makersOf(m, by)].includes(who),
    state_conflict: !isIn(m, by) || !has(m, by, askers(asked)),
    'state_conflict of what changed': present !== undefined && present !== String(target?.roles),
  }).union(hindrances(m, asked, by))
}

export function reasonsAgainstDeclining(m: Model, who: string, approval: ModelApproval): Reasons {
  if (!isIn(m, who)) return new Set(['unauthenticated'])
  const isOwn = who === approval.by
  return reasons({
    case_gone: isOver(approval),
    forbidden: !isOwn && !has(m, who, approvers(approval.asked)),
  })
}

/** @returns the new approval */
export function ask(m: Model, who: string, asked: Asked): ModelApproval {
  const approval: ModelApproval = {
    asked,
    by: who,
    barred: makersOf(m, who),
    present: asked.kind === 'roles' ? String(m.operators[asked.target]!.roles) : undefined,
    outcome: null,
    endedBy: null,
    isLate: false,
  }
  m.approvals.push(approval)
  return approval
}

export function decline(approval: ModelApproval, who: string): void {
  approval.outcome = approval.by === who ? 'withdrawn' : 'declined'
  approval.endedBy = who
}

/** Ends a case and the open approvals about it. */
function settle(m: Model, question: number, outcome: string, who: string): void {
  m.cases[question]!.outcome = outcome
  for (const one of openFor(m, (asked) => asked.kind === 'case' && asked.question === question))
    decline(one, who)
}
const openCases = (m: Model, account: number) =>
  m.cases.flatMap((one, index) => (one.account === account && one.outcome === null ? [index] : []))

export function dismiss(m: Model, question: number, who: string): void {
  settle(m, question, 'dismissed', who)
  free(m, m.cases[question]!.account)
}
function free(m: Model, account: number): void {
  const found = m.accounts[account]!
  if (found.state === 'in_review' && openCases(m, account).length === 0) found.state = 'open'
}
export function retire(m: Model, account: number, who: string): void {
  m.accounts[account]!.state = 'retired'
  for (const question of openCases(m, account)) settle(m, question, 'retired', who)
}

export function approve(m: Model, approval: ModelApproval, who: string): void {
  approval.outcome = 'approved'
  approval.endedBy = who
  carryOut(m, approval.asked, approval.by, who)
}

/** @param by the operator who asked */
export function carryOut(m: Model, asked: Asked, by: string, who: string): void {
  switch (asked.kind) {
    case 'create': {
      const { isMachine, roles } = asked
      const wasOfficer = roles.includes('security_officer')
      const kind = isMachine ? 'machine' : 'person'
      m.operators[asked.id] = { kind, roles, disabled: false, wasOfficer, maker: by }
      return
    }
    case 'roles': {
      const target = m.operators[asked.target]!
      target.roles = asked.roles
      target.wasOfficer ||= asked.roles.includes('security_officer')
      return
    }
    case 'enable':
      m.operators[asked.target]!.disabled = false
      return
    case 'key':
      m.operators[asked.target]!.keyMaker = by
      return
    case 'case':
      return answer(m, asked.question, who)
    case 'rekey':
      return rekey(m, asked, who)
  }
}

function answer(m: Model, question: number, who: string): void {
  const { account, person } = m.cases[question]!
  if (person === null) {
    settle(m, question, 'accepted', who)
    return free(m, account)
  }
  Object.assign(m.accounts[account]!, { state: 'linked', holder: person })
  for (const one of openCases(m, account)) {
    const whose = m.cases[one]!.person
    settle(m, one, whose === null || whose === person ? 'linked' : 'dismissed', who)
  }
}

function rekey(m: Model, { person, to }: { person: number; to: string }, who: string): void {
  const other = holderOf(m, to)
  const mover = m.people[person]!
  mover.earlier.push(mover.number)
  mover.number = to
  if (other === -1) return
  m.people[other]!.replacedBy = person
  for (const [index, one] of m.cases.entries()) {
    if (one.person !== other || (one.outcome !== null && one.outcome !== 'dismissed')) continue
    const isAskedTwice = openCases(m, one.account).some((each) => m.cases[each]!.person === person)
    if (isAskedTwice && one.outcome === null) settle(m, index, 'dismissed', who)
    else one.person = person
  }
  for (const one of openFor(m, (asked) => asked.kind === 'rekey' && asked.person === other)) decline(one, who)
}
