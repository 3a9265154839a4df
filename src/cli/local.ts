/** Commands on the broker's own database: those that create it, and those that must work before the first operator exists. */
import { signingAlgorithms } from '../vocabulary.ts'
import { flag, localCommand, withDefault } from './command.ts'
import { UsageError } from './told.ts'

export const localCommands = {
  migrate: localCommand({
    about: 'migrate the database to the schema of this release',
    async run({ db, print }) {
      const { migrate } = await import('../store/migrate.ts')
      const applied = await migrate(db)
      print(applied.length === 0 ? 'nothing to do' : applied.map((name) => `applied ${name}`).join('\n'))
    },
  }),

  'config check': localCommand({
    about: 'check the settings, and that database, state store and VNeID answer',
    async run({ config, db, print }) {
      const { unreached } = await import('../http/health.ts')
      const { openState } = await import('../store/state/open.ts')
      const { openUpstream } = await import('../upstream/open.ts')
      const { checkRing } = await import('../ring/ring.ts')
      const state = openState(config.state)
      const upstream = openUpstream(config.upstream)
      const missing = await unreached({
        database: () => db.ping(),
        state: () => state.ping(),
        upstream: () => upstream.ready(),
      })
      await state.close()
      if (!missing.includes('database')) await checkRing(db, config.keys)
      if (missing.length > 0) throw new Error(`no answer from: ${missing.join(', ')}`)
      print('the configuration is complete; database, state and upstream answer')
    },
  }),

  'keys generate': localCommand({
    about: 'make a signing key',
    options: {
      alg: withDefault('ALG', signingAlgorithms.join(', '), 'ES256'),
      'if-missing': flag('only if there is no key of that algorithm'),
    },
    async run({ config, db, log, print }, _args, { alg, 'if-missing': ifMissing }) {
      const known = signingAlgorithms.find((name) => name === alg)
      if (known === undefined) throw new UsageError(`--alg must be one of ${signingAlgorithms.join(', ')}`)
      const { ensureSigningKey, generateSigningKey } = await import('../oidc/keys.ts')
      const { createSeal } = await import('../crypto/seal.ts')
      const tools = { db, seal: createSeal(config.keys.seal, 'signing key'), log }
      const make = ifMissing ? ensureSigningKey : generateSigningKey
      const kid = await make(tools, known, { actor: 'local' })
      print(
        kid === undefined
          ? `there is already a key for ${known}`
          : `generated ${known} key ${kid}; it is published within seconds; it signs at once if it is the first of its algorithm, otherwise after a day`,
      )
    },
  }),
}
