/** What a portal needs before it can be activated: each missing item with its remedy. */
import { type ClientMetadata, needsSecret } from './clients.ts'
import { type Fault, faultAt } from './definition.ts'

/**
 * A portal may be connected only under a written agreement on scope and purpose (Decree 69/2024 art. 18), results may
 * be used only for these purposes (art. 19(4)), and each purpose needs a legal basis (Law 91/2025).
 */
const asked = [
  ['owner.name', 'add the legal name of the body that signed the agreement'],
  ['owner.kind', 'add ministry, province, agency or other'],
  ['contact.desk', 'add the desk that is responsible for the portal'],
  ['contact.email', 'add the e-mail address of that desk'],
  ['contact.phone', 'add the telephone number of that desk'],
  ['agreement.number', 'add the number of the agreement (Decree 69/2024 art. 18)'],
  ['agreement.date', 'add the day on which the agreement was signed'],
  ['legal_basis', 'add the legal provision that permits the owner to process these data'],
  ['purposes', 'add what the data are used for (Decree 69/2024 art. 19)'],
] as const

/** @param algorithms signature algorithms with a signing key that all portals already know */
export function lacking(
  client: ClientMetadata,
  { hasSecret, algorithms }: { hasSecret: boolean; algorithms: ReadonlySet<string> },
): Fault[] {
  const faults = asked.flatMap(([name, remedy]) => {
    const path = ['policy', ...name.split('.')]
    return isThere(client, path) ? [] : [faultAt(path, `is missing; ${remedy}`)]
  })
  if (needsSecret(client) && !hasSecret)
    faults.push(
      faultAt(
        ['token_endpoint_auth_method'],
        `needs an active secret; run "client secret rotate ${client.client_id}"`,
      ),
    )
  const { id_token_signed_response_alg: idToken, userinfo_signed_response_alg: userinfo = idToken } = client
  for (const [name, alg] of [
    ['id_token_signed_response_alg', idToken],
    ['userinfo_signed_response_alg', userinfo],
  ] as const) {
    if (!algorithms.has(alg) && !(name.startsWith('userinfo') && alg === idToken))
      faults.push(
        faultAt(
          [name],
          `needs a signing key that has been published for 15 minutes; run "keys generate --alg ${alg}"`,
        ),
      )
  }
  return faults
}

const isThere = (client: ClientMetadata, path: readonly string[]): boolean =>
  path.reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], client) !==
  undefined
