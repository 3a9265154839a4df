/** Operators: people and machines with a key of their own, and what each may do. */
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { type JWK, exportJWK, generateKeyPair } from 'jose'
import { z } from 'zod'
import { type AuditEvent, announce } from '../audit.ts'
import { BrokerError } from '../errors.ts'
import type { Log } from '../log.ts'
import { insertAuditEvents } from '../store/audit.ts'
import type { Database } from '../store/db.ts'
import { disableOperator, insertOperator } from '../store/operators.ts'

export const roles = ['viewer', 'registrar', 'mapping_officer', 'auditor', 'security_officer'] as const
export type Role = (typeof roles)[number]

export interface Operator {
  readonly id: string
  readonly roles: readonly Role[]
}

/** Words that stand as the actor of audit events; the table refuses them too. */
const reserved = ['citizen', 'system', 'local', 'operator', 'portal', 'sandbox']
export const operatorId = z
  .string()
  .regex(/^[a-z0-9._-]{3,64}$/, 'must be 3 to 64 of a-z, 0-9, dot, dash, underscore')
  .refine((id) => !reserved.includes(id), 'is reserved')

export const roleList = z
  .array(z.enum(roles))
  .min(1)
  .transform((given) => roles.filter((role) => given.includes(role)))

const coordinate = z.string().regex(/^[\w-]{43}$/, 'must be 32 bytes in base64url')
/** Optional fields that key tools write; they say nothing that `kty` and `crv` do not. */
const told = {
  kid: z.string().optional(),
  use: z.literal('sig').optional(),
  alg: z.enum(['ES256', 'EdDSA', 'Ed25519']).optional(),
}
/** The public half alone: a strict object refuses `d`. Only the key itself is kept, so that equal keys are equal rows. */
export const publicKey = z
  .discriminatedUnion('kty', [
    z
      .strictObject({
        kty: z.literal('EC'),
        crv: z.literal('P-256'),
        x: coordinate,
        y: coordinate,
        ...told,
      })
      .transform(({ kty, crv, x, y }) => ({ kty, crv, x, y })),
    z
      .strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: coordinate, ...told })
      .transform(({ kty, crv, x }) => ({ kty, crv, x })),
  ])
  .refine((key) => isKey(key), 'is no point of its curve')

function isKey(key: JsonWebKey): boolean {
  try {
    return createPublicKey({ format: 'jwk', key }).type === 'public'
  } catch {
    return false
  }
}

export const algorithmOf = ({ kty }: JWK): 'ES256' | 'EdDSA' => (kty === 'EC' ? 'ES256' : 'EdDSA')

/** What an operator keeps in a file: who it is, whom it speaks to, and the key that proves it. */
export interface OperatorKey {
  readonly operator: string
  readonly audience: string
  /** Private JWK. */
  readonly key: JWK
}

export async function generateOperatorKey(): Promise<{
  privateKey: JWK
  publicKey: z.output<typeof publicKey>
}> {
  const pair = await generateKeyPair('ES256', { extractable: true })
  return {
    privateKey: await exportJWK(pair.privateKey),
    publicKey: publicKey.parse(await exportJWK(pair.publicKey)),
  }
}

export interface Doing {
  readonly db: Database
  readonly log: Log
  /** An operator's id, or `local`: a command on the broker's own database. */
  readonly actor: string
  readonly reference?: string
}

/** @throws BrokerError `state_conflict` when the id or the key is taken */
export async function createOperator(
  { db, log, actor, reference }: Doing,
  { id, roles: given, key }: { id: string; roles: readonly Role[]; key: JWK },
): Promise<void> {
  const events = [about('operator.created', { operator: id, roles: given }, actor, reference)]
  await db.transaction(async (tx) => {
    if (!(await insertOperator(tx, { id, roles: given, public: key, by: actor })))
      throw new BrokerError('state_conflict', 'the id or the key belongs to an operator already')
    await insertAuditEvents(tx, events)
  })
  announce(log, events)
}

/** @throws BrokerError `not_found`, or `state_conflict`: disabled before, or the last who could let anybody in */
export async function barOperator(
  { db, log, actor, reference }: Doing,
  { id, reason }: { id: string; reason: string },
): Promise<void> {
  // The reason is a person's own words, so it stays in the operator's row.
  const events = [about('operator.disabled', { operator: id }, actor, reference)]
  await db.transaction(async (tx) => {
    const outcome = await disableOperator(tx, { id, by: actor, reason })
    if (outcome === 'unknown') throw new BrokerError('not_found', 'there is no operator of that id')
    if (outcome === 'disabled_before') throw new BrokerError('state_conflict', 'the operator is disabled')
    if (outcome === 'last_officer')
      throw new BrokerError('state_conflict', 'this is the last enabled security_officer')
    await insertAuditEvents(tx, events)
  })
  announce(log, events)
}

const about = (
  event: AuditEvent['event'],
  detail: NonNullable<AuditEvent['detail']>,
  actor: string,
  reference: string | undefined,
): AuditEvent => ({ event, actor, detail, ...(reference !== undefined && { reference }) })
