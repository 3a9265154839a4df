/** The demo's two mapping officers, with their keys in memory, and their calls to the admin API. */
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type AdminClient, createAdminClient } from '../../cli/client.ts'
import { createOperator } from '../../operators/operators.ts'
import { generateOperatorKey, type OperatorKey } from '../../operators/key.ts'
import { type CitizenKeys, Identifier } from '../../citizen-id.ts'
import type { Log } from '../../telemetry/log.ts'
import type { ImportSummary } from '../../imports/run.ts'
import type { Database } from '../../store/db.ts'
import type { ExampleFile } from '../examples.ts'

export interface Officer {
  readonly id: string
  readonly admin: AdminClient
  readonly key: OperatorKey
}

export async function createOfficer(
  {
    db,
    log,
    citizenKeys,
    url,
    audience,
  }: { db: Database; log: Log; citizenKeys: CitizenKeys; url: string; audience: string },
  id: string,
  /** The officer's citizen number. An operator with a number is a person, and only persons may approve. */
  number: string,
): Promise<Officer> {
  const { privateKey, publicKey } = await generateOperatorKey()
  const citizen = {
    type: 'citizen_id',
    keys: citizenKeys.keys(Identifier.parse('citizen_id', number)),
  } as const
  await createOperator(
    { db, log, actor: 'local' },
    { id, roles: ['mapping_officer'], key: publicKey, citizen },
  )
  return {
    id,
    admin: createAdminClient({ url, audience, operatorId: id, key: privateKey }),
    key: { operator: id, audience, key: privateKey },
  }
}

/** Imports a file as `npm run cli -- legacy import` does. @returns the summary, and the report's rows */
export async function importFile(
  { admin }: Officer,
  { clientId, url }: ExampleFile,
): Promise<{ summary: ImportSummary; report: string[][] }> {
  const id = randomUUID()
  const query = new URLSearchParams({ client: clientId, id }).toString()
  const answer = await admin.upload(`/v1/legacy-imports?${query}`, createReadStream(url), 'text/csv')
  const [, ...lines] = (await text(answer)).trimEnd().split('\r\n')
  const { summary } = await admin.call<{ summary: ImportSummary }>('GET', `/v1/legacy-imports/${id}`)
  return { summary, report: lines.map((line) => line.replaceAll('"', '').split(',')) }
}

/** Writes the officer's key for the command line. @returns the file; `close` removes it */
export async function writeKeyFile({ key }: Officer): Promise<{ path: string; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'vneid-demo-'))
  const path = join(folder, 'operator-key.json')
  await writeFile(path, JSON.stringify(key), { mode: 0o600 })
  return { path, close: () => rm(folder, { recursive: true }) }
}
