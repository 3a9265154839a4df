/** Commands for cases. */
import type { z } from 'zod'
import { type Held, tellHeld } from './approvals.ts'
import { eachPage } from './each-page.ts'
import { clientCommand, optional, required } from './command.ts'
import type { ClientTools } from './tools.ts'
import { readInputLines } from './input-lines.ts'
import type { linkAnswer, reviewAnswer } from '../admin/mapping-output.ts'
import type { Page } from '../admin/paging.ts'
import type { ReviewInFull } from '../admin/review-operations.ts'

type Link = z.output<typeof linkAnswer>
type Reviews = Page<'reviews', z.output<typeof reviewAnswer>>

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

const CASE = 'the case, from `review list`'
const keptReason = required('TEXT', 'why')

export const reviewCommands = {
  'review list': clientCommand({
    about: 'list the open cases, oldest first',
    options: { client: optional('ID', 'this portal only') },
    async run({ admin, print }, _args, { client }) {
      for await (const { reviews } of eachPage<Reviews>(admin, '/v1/reviews', { client }))
        for (const { id, client: portal, account, reason, opened_at: at, opened_by: by } of reviews)
          print(
            `${id}  ${reason.padEnd(16)} ${portal.padEnd(24)} account ${account.padEnd(10)} ${minute(at)} ${by}`,
          )
    },
  }),

  'review show': clientCommand({
    about: 'show both sides of a case, and earlier decisions',
    args: { CASE },
    async run({ admin, print }, args) {
      show(print, await admin.call<ReviewInFull>('GET', path('reviews', args.CASE)))
    },
  }),

  'review ask': clientCommand({
    about: 'open a case by hand: does the account belong to that person?',
    args: { ACCOUNT: 'the account, from `legacy find`' },
    options: {
      reason: keptReason,
      'citizen-id': optional('-', 'the person’s number, read from the standard input'),
      subject: optional('ID', 'the person’s subject'),
    },
    oneOf: ['citizen-id', 'subject'],
    async run({ admin, print, terminal }, { ACCOUNT: account }, { subject, reason: why }) {
      const person =
        subject === undefined
          ? { citizen_id: (await readInputLines(terminal, 'citizen id'))[0] }
          : { subject }
      const body = { account, reason: why, ...person }
      const { id } = await admin.call<{ id: string }>('POST', '/v1/reviews', body)
      print(`opened case ${id}`)
    },
  }),

  'review confirm': clientCommand({
    about:
      'confirm that the account is the person’s, or that a changed number is right; another officer approves',
    args: { CASE },
    options: { reason: keptReason, evidence: required('TEXT', 'what proves it') },
    async run({ admin, print }, { CASE: id }, body) {
      print(tellHeld(await admin.call<Held>('POST', path('reviews', id, 'confirm'), { ...body }), 'done'))
    },
  }),

  'review dismiss': settle(
    'dismiss',
    'decide that the account is not that person’s, or that a differing row is not taken',
    'dismissed',
  ),
  'review retire': settle('retire', 'decide that the account is no longer in use', 'retired'),
  'review reopen': settle('reopen', 'undo a dismissal or retirement', 'reopened'),
}

function settle(what: 'dismiss' | 'retire' | 'reopen', about: string, done: string) {
  return clientCommand({
    about,
    args: { CASE },
    options: { reason: keptReason },
    async run({ admin, print }, { CASE: id }, body) {
      await admin.call('POST', path('reviews', id, what), { ...body })
      print(`${done} ${id}`)
    },
  })
}

function show(print: ClientTools['print'], told: ReviewInFull): void {
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
  for (const { asked_by: by, asked_at: at, reason, evidence, outcome } of history.approvals)
    print(`  confirmed ${minute(at)} by ${by}, ${outcome ?? 'waits'}: ${reason} (${evidence})`)
  for (const { id, reason, outcome, decided_at: at, decided_by: by } of history.reviews)
    print(`  case ${id}  ${reason}  ${outcome === null ? 'open' : `${outcome} ${minute(at)} by ${by}`}`)
  for (const one of history.links) print(`  ${tellLinkLine(one)}`)
}
