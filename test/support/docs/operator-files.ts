/** The files and environments with which the operators of a world run their commands. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOperator } from '../../../src/operators/operators.ts'
import { generateOperatorKey } from '../../../src/operators/key.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { type Role, roles } from '../../../src/vocabulary.ts'
import { atEnd } from '../at-end.ts'
import { newNumber } from '../operators/operators.ts'
import { recordSecrets } from '../record.ts'
import { freshDatabase, type World } from '../world.ts'

export interface OperatorFiles {
  readonly world: World
  /** A folder for files that commands read and write. */
  readonly folder: string
  environmentOf(by: 'one' | 'two' | 'person' | 'broker' | 'new broker'): Record<string, string>
}

export async function openOperatorFiles(world: World): Promise<OperatorFiles> {
  const folder = mkdtempSync(join(tmpdir(), 'broker-commands-'))
  atEnd(() => rmSync(folder, { recursive: true }))
  const all: readonly Role[] = [...roles]
  async function keyFile(id: string): Promise<string> {
    const { privateKey, publicKey } = await generateOperatorKey()
    recordSecrets([privateKey.d])
    const citizen = { type: 'citizen_id', keys: world.citizenKeysOf(newNumber()) } as const
    const by = { db: world.db, log: createLog({ level: 'silent' }), actor: 'local' }
    await createOperator(by, { id, roles: all, key: publicKey, citizen })
    const file = join(folder, `${id}.key`)
    writeFileSync(
      file,
      JSON.stringify({ operator: id, audience: world.config.admin.audience, key: privateKey }),
    )
    return file
  }
  const files = { one: await keyFile('an.nguyen'), two: await keyFile('nam.two') }
  const newBroker = { ...world.settings, DATABASE_URL: await freshDatabase() }
  return {
    world,
    folder,
    environmentOf(by) {
      if (by === 'broker') return { ...world.settings }
      if (by === 'new broker') return newBroker
      const ADMIN_URL = world.adminUrl
      if (by !== 'person') return { ADMIN_URL, OPERATOR_KEY_FILE: files[by] }
      return { ADMIN_URL, ISSUER: world.issuer, OPERATOR_SESSION_FILE: join(folder, 'session.json') }
    },
  }
}
