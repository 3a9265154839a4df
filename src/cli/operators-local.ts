/** Commands for the first and the last operator, which must work while no operator can give access to another. */
import { flag, localCommand, optional, required } from './command.ts'
import { readInputLines } from './input-lines.ts'
import { readOperatorId, readRoles, roleHelp, tellKey, withNewKey } from './operator-input.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './told.ts'
import type { LocalTools } from './tools.ts'

export const operatorLocalCommands = {
  'operator create': localCommand({
    about: 'create an operator: a person (--citizen), or a machine that authenticates with its key',
    args: { ID: 'the name of the new operator' },
    options: {
      role: required('ROLE[,…]', roleHelp),
      citizen: flag('a person, whose number is read from the standard input'),
      machine: flag('a machine (the default)'),
      key: optional('FILE', 'write a new key to this new file; required for a machine'),
    },
    async run({ config, db, log, print, terminal }, args, { role, key: file, citizen: isPerson, machine }) {
      const id = await readOperatorId(args.ID)
      const roles = readRoles(role)
      if (isPerson && machine) throw new UsageError('give one of --citizen, --machine')
      if (!isPerson && !file) throw new UsageError('--key is missing')
      const { createOperator } = await import('../operators/operators.ts')
      const citizen = isPerson ? await readCitizen(config, terminal) : undefined
      await withNewKey({ id, audience: config.admin.audience, file }, (key) =>
        createOperator({ db, log, actor: 'local' }, { id, roles, key, citizen }),
      )
      print(`created ${id}, a ${isPerson ? 'person' : 'machine'} (${roles.join(', ')})${tellKey(file)}`)
      if (isPerson && file === undefined) print('This person signs in with VNeID: run "operator sign-in".')
    },
  }),

  'operator restore': localCommand({
    about: 'enable a security officer when no other enabled one is left',
    args: { ID: 'the disabled security officer, a person' },
    async run({ db, log, print }, args) {
      const id = await readOperatorId(args.ID)
      const { BrokerError } = await import('../errors.ts')
      const { audited } = await import('../recording.ts')
      const { readmitOperator } = await import('../operators/operators.ts')
      const { hasOfficer } = await import('../store/operators.ts')
      await audited({ db, log }, async (tx, note) => {
        if (await hasOfficer(tx))
          throw new BrokerError(
            'state_conflict',
            'a security officer is still enabled: ask them to run "operator enable"',
          )
        await readmitOperator(tx, note, { id }, { actor: 'local' })
        if (!(await hasOfficer(tx)))
          throw new BrokerError('state_conflict', `${id} is not a person with the role security_officer`)
      })
      print(`enabled ${id}`)
    },
  }),
}

async function readCitizen(config: LocalTools['config'], terminal: Terminal) {
  const { Identifier, createCitizenKeys } = await import('../citizen-id.ts')
  const { createSeal } = await import('../crypto/seal.ts')
  const [number] = await readInputLines(terminal, 'identification number')
  const identifier = Identifier.parse('citizen_id', number)
  const seal = createSeal(config.keys.seal, 'identifier')
  const keys = createCitizenKeys({ indexKeys: config.keys.index, seal }).keys(identifier)
  return { type: identifier.type, keys }
}
