/** What runs on the broker's own database: what makes it, and what must work before anybody is an operator. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { unreached } from '../http/operations.ts'
import type { ClientMetadata } from '../oidc/clients.ts'
import { ensureSigningKey, generateSigningKey, signingAlgorithms } from '../oidc/keys.ts'
import { registerClients } from '../oidc/register.ts'
import { createSeal } from '../seal.ts'
import { listClients } from '../store/clients.ts'
import { migrate } from '../store/migrate.ts'
import { openState } from '../store/open-state.ts'
import { openUpstream } from '../upstream/open.ts'
import { type Commands, UsageError, localCommand, needed } from './command.ts'
import {
  type OperatorKey,
  createOperator,
  generateOperatorKey,
  operatorId,
  roleList,
  roles,
} from './operators.ts'

export const localCommands: Commands = {
  migrate: localCommand({
    about: 'bring the database to this release',
    async run({ db, print }) {
      const applied = await migrate(db)
      print(applied.length === 0 ? 'nothing to do' : applied.map((name) => `applied ${name}`).join('\n'))
    },
  }),

  'config check': localCommand({
    about: 'read the configuration, reach the stores and VNeID',
    async run({ config, db, print }) {
      const state = openState(config.state)
      const upstream = openUpstream(config.upstream)
      const missing = await unreached({
        database: () => db.ping(),
        state: () => state.ping(),
        upstream: () => upstream.ready(),
      })
      await state.close()
      if (missing.length > 0) throw new Error(`not reached: ${missing.join(', ')}`)
      print('the configuration is complete; database, state and upstream answer')
    },
  }),

  'client apply': localCommand({
    call: 'FILE',
    about: 'register the portals of a JSON file: all of them or none',
    async run({ db, log, print }, [file]) {
      if (file === undefined) throw new UsageError('client apply needs a file')
      const content = parseJson(file, await readFile(file, 'utf8'))
      for (const { id, outcome, secret } of await registerClients(
        { db, log, actor: 'local' },
        Array.isArray(content) ? (content as unknown[]) : [content],
      )) {
        print(`${outcome.padEnd(9)} ${id}`)
        if (secret !== undefined) print(`          client_secret, shown this once: ${secret}`)
      }
    },
  }),

  'client list': localCommand({
    about: 'the registered portals',
    async run({ db, print }) {
      for (const { id, metadata } of await listClients(db)) {
        const {
          client_name: name,
          token_endpoint_auth_method: method,
          policy,
        } = metadata as unknown as ClientMetadata
        print(
          `${id.padEnd(32)} ${method.padEnd(20)} level ${policy.minimum_level}  ${policy.kinds.join(',')}  ${name}`,
        )
      }
    },
  }),

  'keys generate': localCommand({
    call: '[--alg ALG]\n[--if-missing]',
    about: `a new signing key: ${signingAlgorithms.join(', ')} (ES256);\nonly if there is none of that algorithm`,
    options: { alg: 'string', 'if-missing': 'boolean' },
    async run({ config, db, log, print }, _args, { alg = 'ES256', 'if-missing': ifMissing }) {
      const known = signingAlgorithms.find((name) => name === alg)
      if (known === undefined) throw new UsageError(`--alg is one of ${signingAlgorithms.join(', ')}`)
      const tools = { db, seal: createSeal(config.keys.seal, 'signing key'), log }
      const kid = ifMissing ? await ensureSigningKey(tools, known) : await generateSigningKey(tools, known)
      print(
        kid === undefined
          ? `there is a ${known} key`
          : `generated ${known} key ${kid}; it is published from a node's next start, and signs from the first start an hour later`,
      )
    },
  }),

  'operator create': localCommand({
    call: 'ID --role ROLE[,…]\n--key FILE',
    about: `an operator, its key in a new file;\nroles: ${roles.join(', ')}`,
    options: { role: 'string', key: 'string' },
    async run({ config, db, log, print }, args, options) {
      const id = operatorId.safeParse(needed(args[0], 'the ID'))
      if (!id.success) throw new UsageError(`the ID ${id.error.issues[0]!.message}`)
      const given = roleList.safeParse(needed(options.role, '--role').split(','))
      if (!given.success) throw new UsageError(`--role is one or more of ${roles.join(', ')}`)
      const file = needed(options.key, '--key')
      const { privateKey, publicKey } = await generateOperatorKey()
      const content: OperatorKey = { operator: id.data, audience: config.admin.audience, key: privateKey }
      // The file first: an operator whose key could not be kept would be nobody's.
      await writeFile(file, `${JSON.stringify(content)}\n`, { mode: 0o600, flag: 'wx' })
      try {
        const what = { id: id.data, roles: given.data, key: publicKey }
        await createOperator({ db, log, actor: 'local' }, what)
      } catch (error) {
        await rm(file)
        throw error
      }
      print(
        `created ${id.data} (${given.data.join(', ')}); its key is in ${file}: it proves who it is, keep it`,
      )
    },
  }),
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new UsageError(`${file} is not JSON`, { cause })
  }
}
