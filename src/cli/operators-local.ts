/** The first operator, and the last: what must work while nobody can let anybody in. */
import { rm, writeFile } from 'node:fs/promises'
import type { JWK } from 'jose'
import { Identifier, createCitizenKeys } from '../citizen-id.ts'
import { BrokerError } from '../errors.ts'
import { audited } from '../recording.ts'
import { createSeal } from '../crypto/seal.ts'
import { hasOfficer } from '../store/operators.ts'
import { type Commands, type LocalTools, localCommand, needed } from './command.ts'
import { UsageError } from './told.ts'
import { readInputLines } from './input-lines.ts'
import { createOperator, readmitOperator } from '../operators/operators.ts'
import { operatorId, roleList } from '../operators/operator.ts'
import { roles } from '../operators/roles.ts'
import { type OperatorKey, generateOperatorKey } from '../operators/key.ts'

export const operatorLocalCommands: Commands = {
  'operator create': localCommand({
    call: 'ID --role ROLE[,…]\n--citizen [--key FILE]\n[--machine] --key FILE',
    about:
      `an operator: ${roles.join(', ')};\n` +
      'a person, whose number is read from the standard input;\na machine, known by its key alone',
    options: { role: 'string', key: 'string', citizen: 'boolean', machine: 'boolean' },
    async run({ config, db, log, print }, args, { role, key: file, citizen: isPerson = false, machine }) {
      const id = readOperatorId(args[0])
      const given = readRoles(needed(role, '--role'))
      if (isPerson && machine === true) throw new UsageError('one of --citizen, --machine')
      if (!isPerson) needed(file, '--key')
      const citizen = isPerson ? await readCitizen(config) : undefined
      await withNewKey({ id, audience: config.admin.audience, file }, (key) =>
        createOperator({ db, log, actor: 'local' }, { id, roles: given, key, citizen }),
      )
      print(`created ${id}, a ${isPerson ? 'person' : 'machine'} (${given.join(', ')})${tellKey(file)}`)
      if (isPerson && file === undefined) print(`signs in with VNeID: operator sign-in`)
    },
  }),

  'operator restore': localCommand({
    call: 'ID',
    about: 'enable a security officer again, when none is left who could',
    async run({ db, log, print }, args) {
      const id = readOperatorId(args[0])
      await audited({ db, log }, async (tx, note) => {
        if (await hasOfficer(tx))
          throw new BrokerError('state_conflict', 'a security_officer is enabled: operator enable')
        await readmitOperator(tx, note, { id }, { actor: 'local' })
        if (!(await hasOfficer(tx)))
          throw new BrokerError('state_conflict', `${id} is no person who is a security_officer`)
      })
      print(`enabled ${id}`)
    },
  }),
}

async function readCitizen(config: LocalTools['config']) {
  const [number] = await readInputLines('identification number')
  const identifier = Identifier.parse('citizen_id', number)
  const seal = createSeal(config.keys.seal, 'identifier')
  const keys = createCitizenKeys({ indexKeys: config.keys.index, seal }).keys(identifier)
  return { type: identifier.type, keys }
}

export function readOperatorId(text: string | undefined): string {
  const id = operatorId.safeParse(needed(text, 'the ID'))
  if (!id.success) throw new UsageError(`the ID ${id.error.issues[0]!.message}`)
  return id.data
}

export function readRoles(text: string) {
  const given = roleList.safeParse(text.split(','))
  if (!given.success) throw new UsageError(`--role is one or more of ${roles.join(', ')}`)
  return given.data
}

export const tellKey = (file: string | undefined): string =>
  file === undefined ? '' : `; its key is in ${file}: it proves who it is, keep it`

/** Writes a new key to the file, if one is named, and takes it away again when the operator does not get it. */
export async function withNewKey<T>(
  { id, audience, file }: { id: string; audience: string; file: string | undefined },
  give: (publicKey: JWK | undefined) => Promise<T>,
): Promise<T> {
  if (file === undefined) return give(undefined)
  const { privateKey, publicKey } = await generateOperatorKey()
  const content: OperatorKey = { operator: id, audience, key: privateKey }
  // The file first: an operator whose key could not be kept would be nobody's.
  await writeFile(file, `${JSON.stringify(content)}\n`, { mode: 0o600, flag: 'wx' })
  try {
    return await give(publicKey)
  } catch (error) {
    await rm(file)
    throw error
  }
}
