import { type Commands, clientCommand, needed } from './command.ts'
import type { Operator } from './operators.ts'

interface Listed extends Operator {
  readonly disabled_at: string | null
  readonly last_seen_at: string | null
}

export const operatorCommands: Commands = {
  'operator whoami': clientCommand({
    about: 'who the key file says you are, and your roles',
    async run({ admin, print }) {
      const { id, roles } = await admin.call<Operator>('GET', '/v1/whoami')
      print(`${id}  ${roles.join(',')}`)
    },
  }),

  'operator list': clientCommand({
    about: 'all operators',
    async run({ admin, print }) {
      const { operators } = await admin.call<{ operators: Listed[] }>('GET', '/v1/operators')
      for (const { id, roles, disabled_at: disabled, last_seen_at: seen } of operators) {
        const state = disabled === null ? `seen ${seen ?? 'never'}` : `disabled ${disabled}`
        print(`${id.padEnd(32)} ${roles.join(',')}  ${state}`)
      }
    },
  }),

  'operator disable': clientCommand({
    call: 'ID --reason TEXT',
    about: 'bar an operator from now on',
    options: { reason: 'string' },
    async run({ admin, print }, args, options) {
      const id = needed(args[0], 'the ID')
      const reason = needed(options.reason, '--reason')
      await admin.call('POST', `/v1/operators/${encodeURIComponent(id)}/disable`, { reason })
      print(`disabled ${id}`)
    },
  }),
}
