/** The example portals and their files of legacy accounts (`config/`). */
import { fileURLToPath } from 'node:url'
import type { z } from 'zod'
import { readClientFiles } from '../cli/client-files.ts'
import type { Log } from '../telemetry/log.ts'
import { clientSchema } from '../registry/clients.ts'
import { registerClients } from './register.ts'
import type { Database } from '../store/db.ts'

export type ExampleClient = z.output<typeof clientSchema>
export interface ExampleFile {
  readonly clientId: string
  readonly url: URL
}

const fileOf = (clientId: string, rest: string): ExampleFile => ({
  clientId,
  url: new URL(`../../config/legacy-accounts.${clientId}.${rest}`, import.meta.url),
})
/** The file that each portal sends first. */
export const exampleFiles: readonly ExampleFile[] = [
  fileOf('cong-bo-xay-dung', 'example.csv'),
  fileOf('cong-tinh-son-ha', 'example.ndjson'),
  fileOf('portal-of-yours', 'example.csv'),
]
/** The file that the first portal sends some weeks later. */
export const laterFile = fileOf('cong-bo-xay-dung', 'later.example.csv')

/** The secret printed in docs/integrate.md, so that the script there runs unchanged. Other portals get random secrets. */
const printed: Readonly<Record<string, string>> = {
  'portal-of-yours': 'a-secret-for-the-sandbox-only-0123456789',
}

/** @param moved origins in the files → origins on which the portals listen */
export async function readExamples(moved: Readonly<Record<string, string>> = {}): Promise<ExampleClient[]> {
  const folder = fileURLToPath(new URL('../../config/portals.example', import.meta.url))
  const { entries } = await readClientFiles(folder)
  return entries.map(({ value }) => {
    const text = JSON.stringify(value).replaceAll(
      /http:\/\/127\.0\.0\.1:\d+/g,
      (origin) => moved[origin] ?? origin,
    )
    const { state: _, ...definition } = JSON.parse(text) as Record<string, unknown>
    return clientSchema.parse({ ...definition, client_secret: printed[String(definition['client_id'])] })
  })
}

/** @returns the new secrets of the clients that need one, by `client_id` */
export async function registerExamples(
  { db, log }: { db: Database; log: Log },
  clients: readonly ExampleClient[],
): Promise<Map<string, string>> {
  const registered = await registerClients({ db, log, actor: 'sandbox' }, clients)
  return new Map(registered.flatMap(({ id, secret }) => (secret === undefined ? [] : [[id, secret]])))
}
