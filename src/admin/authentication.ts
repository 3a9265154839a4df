/**
 * Authenticates the caller. An operator with a key sends a short-lived assertion with each request (as in RFC 7523 §3,
 * with a single-use `jti`). A person without a key sends an access token from a sign-in at the console, valid for minutes.
 */
import { decodeJwt, importJWK, jwtVerify } from 'jose'
import { z } from 'zod'
import { BrokerError } from '../errors.ts'
import { keyOf } from '../oidc/unit-of-work.ts'
import type { Db } from '../store/db.ts'
import { type OperatorRow, findOperator, noteOperatorSeen } from '../store/operators.ts'
import type { State } from '../store/state/state.ts'
import { type Operator, operatorId } from '../operators/operator.ts'
import type { Role } from '../vocabulary.ts'
import { algorithmOf } from '../operators/key.ts'

/** Seconds. */
const longestLife = 120
const tolerance = 15
const seenEvery = 300

export type PersonOf = (accessToken: string) => Promise<OperatorRow | undefined>
export type Authenticate = (authorization: string | undefined) => Promise<Operator>

/** The returned function throws BrokerError `unauthenticated` for every fault, so that the answer reveals nothing. */
export function createAuthentication({
  db,
  state,
  audience,
  personOf = () => Promise.resolve(undefined),
}: {
  db: Db
  state: State
  audience: string
  /** Finds the operator of an access token. Default: no access token is accepted. */
  personOf?: PersonOf | undefined
}): Authenticate {
  async function byAssertion(token: string): Promise<OperatorRow | undefined> {
    const id = issuerOf(token)
    const operator = id === undefined ? undefined : await findOperator(db, id)
    if (operator === undefined || !isIn(operator)) return undefined
    const assertion = await verify(token, operator, audience)
    if (assertion === undefined) return undefined
    // Claimed last, so that only a valid signature causes a write, and for as long as the clock tolerance accepts it.
    const ttl = Math.ceil(assertion.exp + tolerance - Date.now() / 1000) + 1
    const isFirst = await state.claim(keyOf('Assertion', `${operator.id} ${assertion.jti}`), ttl)
    return isFirst ? operator : undefined
  }

  return async function authenticate(authorization) {
    const token = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '')?.[1] ?? ''
    const operator = await (token.includes('.') ? byAssertion(token) : personOf(token))
    if (operator === undefined || !isIn(operator)) throw new BrokerError('unauthenticated')
    if (Date.now() - (operator.lastSeenAt?.getTime() ?? 0) > seenEvery * 1000)
      await noteOperatorSeen(db, operator.id)
    return { id: operator.id, kind: operator.kind, roles: operator.roles as Role[] }
  }
}

/** An idle operator loses access at once; `idle-operators.ts` marks the row as disabled within the hour. */
const isIn = ({ disabledAt, idle }: OperatorRow): boolean => disabledAt === null && !idle

function issuerOf(token: string): string | undefined {
  try {
    return operatorId.safeParse(decodeJwt(token).iss).data
  } catch {
    return undefined
  }
}

async function verify(token: string, operator: OperatorRow, audience: string): Promise<Claims | undefined> {
  if (operator.public === null) return undefined
  const algorithm = algorithmOf(operator.public)
  const key = await importJWK(operator.public, algorithm)
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [algorithm],
      issuer: operator.id,
      subject: operator.id,
      clockTolerance: tolerance,
      // This also refuses an `iat` in the future.
      maxTokenAge: longestLife,
    })
    return claimsFor(audience).safeParse(payload).data
  } catch {
    return undefined
  }
}

const claimsFor = (audience: string) =>
  z
    .object({
      // Exactly one audience: another recipient of the same assertion could replay it here.
      aud: z.literal(audience),
      jti: z.string().min(16).max(64),
      iat: z.number(),
      exp: z.number(),
    })
    .refine(({ iat, exp }) => exp - iat <= longestLife)
type Claims = z.output<ReturnType<typeof claimsFor>>
