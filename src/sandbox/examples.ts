/** The example portals and their legacy accounts (`config/*.example.json`): read, checked, registered. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { type CitizenKeys, Identifier, identifierTypes } from '../citizen-id.ts'
import type { Log } from '../log.ts'
import { clientSchema } from '../oidc/clients.ts'
import { registerClients } from '../oidc/register.ts'
import type { Database } from '../store/db.ts'
import { insertLegacyAccount } from '../store/legacy-accounts.ts'

const number = z.string().optional()
const legacyAccountSchema = z
  .strictObject({
    client_id: z.string(),
    account_id: z.string().min(1),
    kind: z.enum(['citizen', 'foreigner', 'organisation', 'staff']),
    /** At most one of the three; none where the portal never asked. */
    citizen_id: number,
    foreigner_id: number,
    organisation_id: number,
    /** The day the number was compared with the population database; absent: never. */
    attested_at: z.iso.date().optional(),
  })
  .transform((account, context) => {
    const named = identifierTypes.filter((type) => account[type] !== undefined)
    const [type] = named
    const fault = (message: string) => {
      context.addIssue({ code: 'custom', message: `${account.account_id} ${message}` })
      return z.NEVER
    }
    if (named.length > 1) return fault(`has two numbers: ${named.join(' and ')}`)
    if (type === undefined && account.attested_at !== undefined)
      return fault('attests a number it does not have')
    try {
      return { ...account, ...(type && { identifier: Identifier.parse(type, account[type]) }) }
    } catch {
      return fault(`has a malformed ${type}`)
    }
  })

export interface Examples {
  readonly clients: readonly z.output<typeof clientSchema>[]
  readonly accounts: readonly z.output<typeof legacyAccountSchema>[]
}

/** @param moved origins in the files → where these portals really listen */
export function readExamples(moved: Readonly<Record<string, string>> = {}): Examples {
  const read = (name: string): unknown => {
    const text = readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8')
    return JSON.parse(text.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, (origin) => moved[origin] ?? origin))
  }
  return {
    clients: z.array(clientSchema).parse(read('clients.example.json')),
    accounts: z.array(legacyAccountSchema).parse(read('legacy-accounts.example.json')),
  }
}

/** @returns the secrets made for those clients that need one, by `client_id` */
export async function registerExamples(
  { db, log, citizenKeys }: { db: Database; log: Log; citizenKeys: CitizenKeys },
  { clients, accounts }: Examples,
): Promise<Map<string, string>> {
  const registered = await registerClients({ db, log, actor: 'sandbox' }, clients)
  for (const {
    client_id: clientId,
    account_id: accountId,
    kind,
    identifier,
    attested_at: attestedAt,
  } of accounts) {
    await insertLegacyAccount(db, {
      clientId,
      accountId,
      kind,
      ...(identifier && {
        identifier: {
          type: identifier.type,
          key: citizenKeys.keys(identifier)[0]!,
          sealed: citizenKeys.seal(identifier),
        },
      }),
      ...(attestedAt && { attestedAt: new Date(attestedAt) }),
    })
  }
  return new Map(registered.flatMap(({ id, secret }) => (secret === undefined ? [] : [[id, secret]])))
}
