/** What runs on the broker's own database: what makes it, and what must work before anybody is an operator. */
import { unreached } from '../http/health.ts'
import { signingAlgorithms } from '../crypto/signing-algorithms.ts'
import { ensureSigningKey, generateSigningKey } from '../oidc/keys.ts'
import { checkRing } from '../ring/ring.ts'
import { createSeal } from '../crypto/seal.ts'
import { migrate } from '../store/migrate.ts'
import { openState } from '../store/state/open.ts'
import { openUpstream } from '../upstream/open.ts'
import { type Commands, localCommand } from './command.ts'
import { UsageError } from './told.ts'

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
      if (!missing.includes('database')) await checkRing(db, config.keys)
      if (missing.length > 0) throw new Error(`not reached: ${missing.join(', ')}`)
      print('the configuration is complete; database, state and upstream answer')
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
      const make = ifMissing ? ensureSigningKey : generateSigningKey
      const kid = await make(tools, known, { actor: 'local' })
      print(
        kid === undefined
          ? `there is a ${known} key`
          : `generated ${known} key ${kid}; it is published within seconds, and signs at once if it is the first, else in a day`,
      )
    },
  }),
}
