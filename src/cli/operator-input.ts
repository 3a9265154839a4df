/** Reads an operator's id, roles and new key from the command line. */
import { rm, writeFile } from 'node:fs/promises'
import type { JWK } from 'jose'
import type { OperatorKey } from '../operators/key.ts'
import { type Role, roles } from '../vocabulary.ts'
import { UsageError } from './told.ts'

export const roleHelp = roles.join(', ')

export async function readOperatorId(text: string): Promise<string> {
  const { operatorId } = await import('../operators/operator.ts')
  const id = operatorId.safeParse(text)
  if (!id.success) throw new UsageError(`the ID ${id.error.issues[0]!.message}`)
  return id.data
}

/** @param text names separated by commas */
export function readRoles(text: string): Role[] {
  const given = text.split(',')
  if (given.some((name) => !roles.some((role) => role === name)))
    throw new UsageError(`the roles must be one or more of ${roleHelp}`)
  return roles.filter((role) => given.includes(role))
}

export const tellKey = (file: string | undefined): string =>
  file === undefined ? '' : `; its key is in ${file}: keep that file secret`

/** Writes a new key to the file, if one is given, and removes it if the operator is not created. */
export async function withNewKey<T>(
  { id, audience, file }: { id: string; audience: string; file: string | undefined },
  give: (publicKey: JWK | undefined) => Promise<T>,
): Promise<T> {
  if (file === undefined) return give(undefined)
  const { generateOperatorKey } = await import('../operators/key.ts')
  const { privateKey, publicKey } = await generateOperatorKey()
  const content: OperatorKey = { operator: id, audience, key: privateKey }
  // Writes the file first, so that no operator exists whose key could not be saved.
  await writeFile(file, `${JSON.stringify(content)}\n`, { mode: 0o600, flag: 'wx' })
  try {
    return await give(publicKey)
  } catch (error) {
    await rm(file)
    throw error
  }
}
