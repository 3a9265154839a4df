/** Random stories in which operators ask, approve, decline and make other changes. */
import fc from 'fast-check'
import type { ModelRole } from './approval-model.ts'

const who = fc.constantFrom('one', 'two', 'officer', 'other', 'both', 'robot', 'new-0', 'new-1')
const security = fc.oneof({ weight: 5, arbitrary: fc.constantFrom('one', 'two', 'both') }, who)
const mapping = fc.oneof({ weight: 5, arbitrary: fc.constantFrom('officer', 'other', 'both') }, who)
const target = who
const roles = fc.constantFrom<ModelRole[]>(
  ['viewer'],
  ['mapping_officer'],
  ['security_officer'],
  ['mapping_officer', 'security_officer'],
)
const pick = fc.nat(11)
const act = <T extends string, R extends object>(type: T, of: { [K in keyof R]: fc.Arbitrary<R[K]> }) =>
  fc.record({ type: fc.constant(type), ...of }) as unknown as fc.Arbitrary<{ type: T } & R>
const verdict = fc.record({
  what: fc.oneof(
    { weight: 4, arbitrary: fc.constant('approve' as const) },
    { weight: 1, arbitrary: fc.constant('decline' as const) },
  ),
  /** Picks one of the open approvals, or one of all. */
  pick,
  isOfAll: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, fc.constant(true)),
  /** Picks an operator who may approve, the one who asked, or any. */
  who: fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant('who asked') },
    { weight: 2, arbitrary: who },
  ),
})
const command = fc.oneof(
  {
    weight: 4,
    arbitrary: act('create', {
      who: security,
      id: fc.constantFrom('new-0', 'new-1'),
      isMachine: fc.boolean(),
      roles,
    }),
  },
  {
    weight: 6,
    arbitrary: act('roles', { who: security, target: fc.oneof(fc.constant('other'), target), roles }),
  },
  { weight: 3, arbitrary: act('enable', { who: security, target, pick: fc.nat(2) }) },
  {
    weight: 3,
    arbitrary: act('key', { who: fc.oneof(security, who), target: fc.oneof(target, fc.constant('robot')) }),
  },
  { weight: 5, arbitrary: act('case', { who: mapping, pick }) },
  { weight: 4, arbitrary: act('rekey', { who: mapping, person: fc.nat(2), to: fc.nat(6) }) },
  { weight: 5, arbitrary: act('question', { who: mapping, account: fc.nat(2), person: fc.nat(2) }) },
  { weight: 1, arbitrary: act('dismiss', { who: mapping, pick }) },
  { weight: 1, arbitrary: act('retire', { who: mapping, pick }) },
  { weight: 3, arbitrary: act('disable', { who: security, target }) },
  { weight: 1, arbitrary: act('strip', { target, roles }) },
  { weight: 1, arbitrary: act('late', { pick }) },
  { weight: 1, arbitrary: act('sweep', {}) },
  { weight: 14, arbitrary: act('end', { verdict }) },
  { weight: 5, arbitrary: act('race', { verdict, rival: verdict, isSame: fc.boolean() }) },
)
export type Command = typeof command extends fc.Arbitrary<infer T> ? T : never
export type Verdict = typeof verdict extends fc.Arbitrary<infer T> ? T : never
export const story = fc.record({
  isYoung: fc.boolean(),
  commands: fc.array(command, { minLength: 10, maxLength: 40, size: 'max' }),
})
export type Story = typeof story extends fc.Arbitrary<infer T> ? T : never

const approvedBy = (by: Verdict['who']): Command => ({
  type: 'end',
  verdict: { what: 'approve', pick: 0, isOfAll: false, who: by },
})
const declinedBy = (by: Verdict['who']): Command => ({
  type: 'end',
  verdict: { what: 'decline', pick: 0, isOfAll: false, who: by },
})
/** Fixed stories that run every time, for situations that random stories rarely reach. */
const examples: Record<string, Command[]> = {
  'a disabled operator comes back, and of two changes of roles the second is void': [
    { type: 'disable', who: 'one', target: 'other' },
    { type: 'enable', who: 'one', target: 'other', pick: 0 },
    approvedBy('two'),
    { type: 'roles', who: 'one', target: 'other', roles: ['viewer'] },
    { type: 'roles', who: 'two', target: 'other', roles: ['security_officer'] },
    approvedBy('two'),
    approvedBy('both'),
    { type: 'late', pick: 0 },
    { type: 'sweep' },
  ],
  'a machine is made and given a key, and asks': [
    { type: 'create', who: 'robot', id: 'new-0', isMachine: true, roles: ['mapping_officer'] },
    { type: 'create', who: 'one', id: 'new-0', isMachine: true, roles: ['mapping_officer'] },
    approvedBy('one'),
    approvedBy('two'),
    { type: 'key', who: 'one', target: 'new-0' },
    approvedBy('both'),
    { type: 'key', who: 'officer', target: 'officer' },
    declinedBy('who asked'),
    { type: 'case', who: 'new-0', pick: 0 },
    { type: 'case', who: 'officer', pick: 0 },
    approvedBy('robot'),
    approvedBy('officer'),
  ],
  'who held the key of a machine when it asked approves nothing of that, whoever made its next key': [
    { type: 'key', who: 'two', target: 'robot' },
    approvedBy('one'),
    { type: 'case', who: 'robot', pick: 0 },
    { type: 'key', who: 'one', target: 'robot' },
    { type: 'end', verdict: { what: 'approve', pick: 1, isOfAll: false, who: 'both' } },
    { type: 'strip', target: 'two', roles: ['mapping_officer', 'security_officer'] },
    approvedBy('two'),
    approvedBy('officer'),
  ],
  'who asked has lost the role, or is disabled': [
    { type: 'case', who: 'officer', pick: 0 },
    { type: 'strip', target: 'officer', roles: ['viewer'] },
    approvedBy('other'),
    { type: 'strip', target: 'officer', roles: ['mapping_officer'] },
    { type: 'disable', who: 'one', target: 'officer' },
    approvedBy('other'),
    declinedBy('both'),
  ],
  'what an approval is about is settled otherwise': [
    { type: 'question', who: 'officer', account: 0, person: 0 },
    { type: 'case', who: 'officer', pick: 1 },
    { type: 'retire', who: 'other', pick: 1 },
    { type: 'case', who: 'other', pick: 0 },
    { type: 'dismiss', who: 'other', pick: 0 },
    { type: 'rekey', who: 'officer', person: 1, to: 6 },
    { type: 'rekey', who: 'officer', person: 0, to: 1 },
    { type: 'end', verdict: { what: 'approve', pick: 1, isOfAll: false, who: 'other' } },
  ],
}
export const seldom: [Story][] = [
  ...Object.values(examples).map((commands): [Story] => [{ isYoung: false, commands }]),
  [
    {
      isYoung: true,
      commands: [
        { type: 'create', who: 'robot', id: 'new-1', isMachine: false, roles: ['viewer'] },
        { type: 'create', who: 'one', id: 'new-0', isMachine: false, roles: ['security_officer'] },
        { type: 'disable', who: 'one', target: 'new-0' },
        { type: 'create', who: 'one', id: 'new-1', isMachine: false, roles: ['viewer'] },
        approvedBy('one'),
      ],
    },
  ],
]
