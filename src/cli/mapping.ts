/** Legacy accounts and persons on the command line. Numbers and account ids are read from the standard input. */
import { type Commands, clientCommand, needed } from './command.ts'
import { UsageError } from './told.ts'
import { isDash, readInputLines } from './input-lines.ts'
import type { FoundAccount } from '../admin/mapping-operations.ts'
import type { Page } from '../admin/paging.ts'
import { tellLinkLine } from './reviews.ts'

type Accounts = Page<'accounts', FoundAccount>

export const mappingCommands: Commands = {
  'legacy find': clientCommand({
    call: '[--client ID]\n--citizen-id -\n--cmnd -\n--account-id -',
    about:
      'accounts and their links, by one of these,\nwhich is read from the standard input;\n\nneeds --client',
    options: { client: 'string', 'citizen-id': 'string', cmnd: 'string', 'account-id': 'string' },
    async run({ admin, print }, _args, { client, ...options }) {
      const ways = (['citizen-id', 'cmnd', 'account-id'] as const).filter((way) => isDash(way, options[way]))
      const [way] = ways
      if (way === undefined || ways.length > 1)
        throw new UsageError('one of --citizen-id -, --cmnd -, --account-id -')
      const [value] = await readInputLines(way.replace('-', ' '))
      const body = { ...(client !== undefined && { client }), [way.replace('-', '_')]: value }
      const accounts: FoundAccount[] = []
      for (let after: string | null = null, more = true; more;) {
        const asked: object = { ...body, limit: 1000, ...(after !== null && { after }) }
        const page: Accounts = await admin.call('POST', '/v1/accounts/search', asked)
        accounts.push(...page.accounts)
        ;({ next: after, more } = page)
      }
      if (accounts.length === 0) print('none')
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
    call: 'ACCOUNT LINK --reason TEXT',
    about: 'take a link back; the account then waits for an operator',
    options: { reason: 'string' },
    async run({ admin, print }, args, options) {
      const account = encodeURIComponent(needed(args[0], 'the ACCOUNT'))
      const link = encodeURIComponent(needed(args[1], 'the LINK'))
      const reason = needed(options.reason, '--reason')
      await admin.call('POST', `/v1/accounts/${account}/links/${link}/end`, { reason })
      print(`ended ${args[1]}`)
    },
  }),

  'citizen rekey': clientCommand({
    call: '--reason TEXT\n--evidence TEXT',
    about: "propose a person's new number: the old and the new one\nare two lines of the standard input",
    options: { evidence: 'string', reason: 'string' },
    async run({ admin, print }, _args, options) {
      const evidence = needed(options.evidence, '--evidence')
      const reason = needed(options.reason, '--reason')
      const [old, fresh] = await readInputLines('old number', 'new number')
      const body = { old_number: old, new_number: fresh, evidence, reason }
      const made = await admin.call<{ proposal: string }>('POST', '/v1/citizens/rekey', body)
      print(`proposed: ${made.proposal}`)
    },
  }),
}
