/** Commands for legacy accounts and persons. Numbers and account ids are read from standard input. */
import { type Held, tellHeld } from './approvals.ts'
import { clientCommand, optional, required } from './command.ts'
import { readInputLines } from './input-lines.ts'
import type { FoundAccount } from '../admin/mapping-operations.ts'
import type { Page } from '../admin/paging.ts'
import { tellLinkLine } from './reviews.ts'

type Accounts = Page<'accounts', FoundAccount>

const ways = ['citizen-id', 'cmnd', 'account-id'] as const

export const mappingCommands = {
  'legacy find': clientCommand({
    about: 'find accounts and their links, by a number that is read from the standard input',
    options: {
      client: optional('ID', 'this portal only'),
      'citizen-id': optional('-', 'the personal identification number'),
      cmnd: optional('-', 'the number of an old identity card (CMND)'),
      'account-id': optional('-', 'the portal’s own account id; needs --client'),
    },
    oneOf: ways,
    async run({ admin, print, terminal }, _args, { client, ...options }) {
      const way = ways.find((one) => options[one] !== undefined)!
      const [value] = await readInputLines(terminal, way.replace('-', ' '))
      const body = { ...(client !== undefined && { client }), [way.replace('-', '_')]: value }
      const accounts: FoundAccount[] = []
      for (let after: string | null = null, more = true; more;) {
        const asked: object = { ...body, limit: 1000, ...(after !== null && { after }) }
        const page: Accounts = await admin.call('POST', '/v1/accounts/search', asked)
        accounts.push(...page.accounts)
        ;({ next: after, more } = page)
      }
      if (accounts.length === 0) print('no account found')
      for (const { account, client: portal, account_id: id, kind, state, history, ...more } of accounts) {
        const number = more.number ?? (more.cmnd === null ? 'no number' : `CMND ${more.cmnd}`)
        const attested = more.attested_on === null ? 'never attested' : `attested ${more.attested_on}`
        print(`account ${account}  ${portal}  ${id}  ${kind}  ${state}  ${number}  ${attested}`)
        if (more.classes.length > 0) print(`  ${more.classes.join(', ')}`)
        for (const link of history) print(`  ${tellLinkLine(link)}`)
      }
    },
  }),

  'link end': clientCommand({
    about: 'end a link; the account then waits for an operator',
    args: { ACCOUNT: 'the account, from `legacy find`', LINK: 'its link, from `legacy find`' },
    options: { reason: required('TEXT', 'why') },
    async run({ admin, print }, args, { reason }) {
      const [account, link] = [encodeURIComponent(args.ACCOUNT), encodeURIComponent(args.LINK)]
      await admin.call('POST', `/v1/accounts/${account}/links/${link}/end`, { reason })
      print(`ended ${args.LINK}`)
    },
  }),

  'citizen rekey': clientCommand({
    about:
      'change a person’s number, when another officer approves; the standard input has the old and the new number, a line each',
    options: { reason: required('TEXT', 'why'), evidence: required('TEXT', 'what proves it') },
    async run({ admin, print, terminal }, _args, { evidence, reason }) {
      const [old, fresh] = await readInputLines(terminal, 'old number', 'new number')
      const body = { old_number: old, new_number: fresh, evidence, reason }
      print(tellHeld(await admin.call<Held>('POST', '/v1/citizens/rekey', body), 'done'))
    },
  }),
}
