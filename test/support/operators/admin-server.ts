/** An admin API with a test's own operations, on a world's stores. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { SignJWT, importJWK, type JWK } from 'jose'
import { onTestFinished } from 'vitest'
import type { Operation } from '../../../src/admin/operation.ts'
import { createOperator } from '../../../src/operators/operators.ts'
import type { Role } from '../../../src/vocabulary.ts'
import { generateOperatorKey } from '../../../src/operators/key.ts'
import { createAdminServer } from '../../../src/admin/server.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import { createSeal } from '../../../src/crypto/seal.ts'
import { createMemoryState } from '../../../src/store/state/memory.ts'
import { recordSecrets } from '../record.ts'
import type { World } from '../world.ts'

const log = createLog({ level: 'silent' })

/** Creates an operator. @returns its private key */
export async function knownOperator(world: World, id: string, roles: readonly Role[]): Promise<JWK> {
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  await createOperator({ db: world.db, log, actor: 'local' }, { id, roles, key: publicKey })
  return privateKey
}

/** @param changes claims that differ from a valid assertion */
export async function assertion(
  world: World,
  id: string,
  key: JWK,
  changes: Record<string, unknown> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: id,
    sub: id,
    aud: world.config.admin.audience,
    iat: now,
    exp: now + 60,
    jti: randomUUID(),
    ...changes,
  }
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(await importJWK(key, 'ES256'))
}

export interface RawAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}
type Send = (
  method: string,
  path: string,
  options?: { headers?: Record<string, string>; body?: unknown },
) => Promise<RawAnswer>

/** @returns sends raw requests, authenticated as the operator */
export async function openAdmin(
  world: World,
  operations: readonly Operation[],
  operator: { readonly id: string; readonly key: JWK },
): Promise<Send & { readonly url: string }> {
  const state = createMemoryState({ limit: 10_000_000 })
  const server = createAdminServer({
    audience: world.config.admin.audience,
    db: world.db,
    state,
    seal: createSeal([randomBytes(32)], 'kept answer'),
    log,
    operations,
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await state.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(sender(world, url, operator), { url })
}

export const sender =
  (world: World, url: string, { id, key }: { readonly id: string; readonly key: JWK }): Send =>
  async (method, path, { headers = {}, body } = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await assertion(world, id, key)}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    }
  }
