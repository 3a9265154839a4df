/** The example portals and the files of old accounts that they send (`config/*.example.*`). */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Log } from '../log.ts'
import { clientSchema } from '../oidc/clients.ts'
import { registerClients } from '../oidc/register.ts'
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
/** As each portal first sends them. */
export const exampleFiles: readonly ExampleFile[] = [
  fileOf('cong-bo-xay-dung', 'example.csv'),
  fileOf('cong-tinh-son-ha', 'example.ndjson'),
  fileOf('portal-of-yours', 'example.csv'),
]
/** What the first portal sends some weeks later. */
export const laterFile = fileOf('cong-bo-xay-dung', 'later.example.csv')

/** @param moved origins in the file → where these portals really listen */
export function readExamples(moved: Readonly<Record<string, string>> = {}): ExampleClient[] {
  const text = readFileSync(new URL('../../config/clients.example.json', import.meta.url), 'utf8')
  return z
    .array(clientSchema)
    .parse(JSON.parse(text.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, (origin) => moved[origin] ?? origin)))
}

/** @returns the secrets made for those clients that need one, by `client_id` */
export async function registerExamples(
  { db, log }: { db: Database; log: Log },
  clients: readonly ExampleClient[],
): Promise<Map<string, string>> {
  const registered = await registerClients({ db, log, actor: 'sandbox' }, clients)
  return new Map(registered.flatMap(({ id, secret }) => (secret === undefined ? [] : [[id, secret]])))
}
