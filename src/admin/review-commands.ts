/** Cases and proposals on the command line. */
import {
  type ClientTools,
  type Command,
  type Commands,
  UsageError,
  clientCommand,
  needed,
} from './command.ts'
import { isDash, readInputLines } from './input-lines.ts'
import type { tellCase, tellLink, tellProposal } from './mapping-output.ts'

/** As JSON carries it. */
type Told<T> = {
  readonly [K in keyof T]: T[K] extends Date ? string : Exclude<T[K], Date> | DateAsText<T[K]>
}
type DateAsText<T> = Date extends T ? string : never
type Case = Told<ReturnType<typeof tellCase>>
type Proposal = Told<ReturnType<typeof tellProposal>>
type Link = Told<ReturnType<typeof tellLink>>

type Side = Readonly<Record<'name' | 'birth_date' | 'number' | 'cmnd', string | null>>
interface CaseInFull extends Omit<Case, 'account'> {
  readonly account: Side &
    Readonly<Record<'account' | 'state' | 'kind' | 'created_by' | 'province', string>> &
    Readonly<Record<'attested_on' | 'last_used_on', string | null>> & { readonly classes: readonly string[] }
  readonly other: Side | null
  readonly agrees: Readonly<Record<'number' | 'name' | 'birth_date', boolean | null>>
  readonly history: {
    readonly reviews: readonly Case[]
    readonly links: readonly Link[]
    readonly proposals: readonly Proposal[]
  }
}
interface OpenProposal extends Proposal {
  readonly client: string | null
  readonly account: string | null
  readonly old_number?: string | null
  readonly new_number?: string | null
}

const path = (...parts: readonly string[]) => `/v1/${parts.map(encodeURIComponent).join('/')}`
const minute = (at: string | null) => (at === null ? '' : at.slice(0, 16))
export const tellLinkLine = ({
  id,
  subject,
  method,
  linked_at: from,
  unlinked_at: to,
  ...link
}: Link): string => {
  const end = to === null ? 'active' : `ended ${minute(to)} by ${link.unlinked_by}: ${link.unlink_reason}`
  return `link ${id}  subject ${subject}  ${method}  since ${minute(from)} by ${link.linked_by}  ${end}`
}

const decision = (what: 'dismiss' | 'retire' | 'reopen', about: string, done: string): Command =>
  clientCommand({
    call: 'CASE --reason TEXT',
    about,
    options: { reason: 'string' },
    async run({ admin, print }, args, options) {
      const id = needed(args[0], 'the CASE')
      await admin.call('POST', path('reviews', id, what), { reason: needed(options.reason, '--reason') })
      print(`${done} ${id}`)
    },
  })

export const reviewCommands: Commands = {
  'review list': clientCommand({
    call: '[--client ID]',
    about: 'the open cases, the oldest first',
    options: { client: 'string' },
    async run({ admin, print }, _args, { client }) {
      let after: string | null = null
      do {
        const query = new URLSearchParams({
          limit: '200',
          ...(client && { client }),
          ...(after && { after }),
        })
        const page: { reviews: Case[]; next: string | null } = await admin.call(
          'GET',
          `/v1/reviews?${query.toString()}`,
        )
        for (const { id, client: portal, account, reason, opened_at: at, opened_by: by } of page.reviews)
          print(
            `${id}  ${reason.padEnd(16)} ${portal.padEnd(24)} account ${account.padEnd(10)} ${minute(at)} ${by}`,
          )
        after = page.next
      } while (after !== null)
    },
  }),

  'review show': clientCommand({
    call: 'CASE',
    about: 'both sides of a case, and what was decided before',
    async run({ admin, print }, args) {
      show(print, await admin.call<CaseInFull>('GET', path('reviews', needed(args[0], 'the CASE'))))
    },
  }),

  'review ask': clientCommand({
    call: 'ACCOUNT --reason TEXT\n--citizen-id -\n--subject ID',
    about:
      "ask by hand: is the account that person's?\nhis number is read from the standard input;\nor by subject",
    options: { 'citizen-id': 'string', subject: 'string', reason: 'string' },
    async run({ admin, print }, args, { subject, reason, ...options }) {
      const account = needed(args[0], 'the ACCOUNT')
      const told = { account, reason: needed(reason, '--reason') }
      const byNumber = isDash('citizen-id', options['citizen-id'])
      if (byNumber === (subject !== undefined)) throw new UsageError('either --citizen-id - or --subject ID')
      const person = byNumber ? { citizen_id: (await readInputLines('citizen id'))[0] } : { subject }
      const { id } = await admin.call<{ id: string }>('POST', '/v1/reviews', { ...told, ...person })
      print(`asked: case ${id}`)
    },
  }),

  'review propose': clientCommand({
    call: 'CASE --reason TEXT\n--evidence TEXT',
    about: "propose that the account is the person's, or that\na changed number is right; another approves",
    options: { evidence: 'string', reason: 'string' },
    async run({ admin, print }, args, options) {
      const id = needed(args[0], 'the CASE')
      const body = {
        evidence: needed(options.evidence, '--evidence'),
        reason: needed(options.reason, '--reason'),
      }
      const made = await admin.call<{ proposal: string }>('POST', path('reviews', id, 'propose'), body)
      print(`proposed: ${made.proposal}`)
    },
  }),

  'review dismiss': decision(
    'dismiss',
    "it is not that person's; or: a differing row is not taken",
    'dismissed',
  ),
  'review retire': decision('retire', 'the account is in use no more', 'retired'),
  'review reopen': decision('reopen', 'take a dismissal or retirement back', 'reopened'),

  'proposal list': clientCommand({
    about: 'what waits for a second operator',
    async run({ admin, print }) {
      const { proposals } = await admin.call<{ proposals: OpenProposal[] }>('GET', '/v1/proposals')
      for (const {
        id,
        kind,
        proposed_by: by,
        proposed_at: at,
        evidence,
        reason,
        subject,
        ...more
      } of proposals) {
        const person = subject === null ? '' : `subject ${subject}  `
        const what =
          kind === 'rekey'
            ? `${more.old_number} becomes ${more.new_number}`
            : `case ${more.case}  ${more.client} account ${more.account}`
        print(`${id}  ${kind.padEnd(6)} ${person}${what}  ${minute(at)} ${by}`)
        print(`  reason:   ${reason}\n  evidence: ${evidence}`)
      }
    },
  }),
  'proposal approve': second('approve', 'carry a proposal of another operator out', 'approved'),
  'proposal decline': second('decline', "reject another's proposal, or withdraw one's own", 'declined'),
}

function second(what: 'approve' | 'decline', about: string, done: string): Command {
  return clientCommand({
    call: 'PROPOSAL',
    about,
    async run({ admin, print }, args) {
      const id = needed(args[0], 'the PROPOSAL')
      await admin.call('POST', path('proposals', id, what))
      print(`${done} ${id}`)
    },
  })
}

function show(print: ClientTools['print'], told: CaseInFull): void {
  const { account, other, agrees, history } = told
  const asked = `asked ${minute(told.opened_at)} by ${told.opened_by}`
  print(`case ${told.id}  ${told.reason}  ${told.client} account ${account.account}  ${asked}`)
  if (told.opened_reason !== null) print(`  why: ${told.opened_reason}`)
  if (told.subject !== null) print(`  subject ${told.subject}`)
  if (told.outcome !== null)
    print(`  ${told.outcome} ${minute(told.decided_at)} by ${told.decided_by}: ${told.decision_reason}`)
  const row = (name: string, mine: string | null, theirs = '', agree = '') =>
    print(`  ${name.padEnd(12)} ${(mine ?? '-').padEnd(32)} ${theirs.padEnd(32)} ${agree}`.trimEnd())
  const verdict = (value: boolean | null) => (value === null ? '' : value ? 'agrees' : 'DIFFERS')
  row('', 'recorded', other === null ? '' : 'the other side')
  row('number', account.number, other?.number ?? '', verdict(agrees.number))
  row('name', account.name, other?.name ?? '', verdict(agrees.name))
  row('birth date', account.birth_date, other?.birth_date ?? '', verdict(agrees.birth_date))
  row('CMND', account.cmnd, other?.cmnd ?? '')
  row('attested', account.attested_on ?? 'never')
  row('account', `${account.kind}, ${account.state}, by ${account.created_by}`)
  row('last used', account.last_used_on)
  row('classes', account.classes.join(', ') || null)
  for (const { proposed_by: by, proposed_at: at, reason, evidence, decision: end } of history.proposals)
    print(`  proposed ${minute(at)} by ${by}, ${end ?? 'open'}: ${reason} (${evidence})`)
  for (const { id, reason, outcome, decided_at: at, decided_by: by } of history.reviews)
    print(`  case ${id}  ${reason}  ${outcome === null ? 'open' : `${outcome} ${minute(at)} by ${by}`}`)
  for (const one of history.links) print(`  ${tellLinkLine(one)}`)
}
