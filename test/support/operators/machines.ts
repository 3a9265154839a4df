/** Operators without a person behind them, and keys that operators may be given. */
import { type AdminClient, createAdminClient } from '../../../src/cli/client.ts'
import { generateOperatorKey } from '../../../src/operators/key.ts'
import { createOperator } from '../../../src/operators/operators.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import type { Role } from '../../../src/vocabulary.ts'
import { recordSecrets } from '../record.ts'
import type { World } from '../world.ts'

const log = createLog({ level: 'silent' })
let count = 0

/** @returns the public key, and a client that acts with it as the operator of that id */
export async function freshKey(world: World) {
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  const { audience } = world.config.admin
  const client = (operatorId: string) =>
    createAdminClient({ url: world.adminUrl, audience, operatorId, key: privateKey })
  return { publicKey, client }
}

/** @param by the operator who created it */
export async function createMachine(
  world: World,
  roles: readonly Role[],
  by = 'local',
): Promise<AdminClient & { readonly id: string }> {
  const id = `machine-${++count}`
  const { publicKey, client } = await freshKey(world)
  await createOperator({ db: world.db, log, actor: by }, { id, roles, key: publicKey })
  return { id, ...client(id) }
}
