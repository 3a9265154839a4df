/**
 * An answer of the token endpoint may get lost on its way, after it has used up the portal's code or refresh token. So the
 * answer is kept, sealed, for some seconds. The same portal that repeats the same request in that time, with the same
 * proofs, gets the same answer. This ends once one of its tokens has been used, because then the answer has arrived.
 * Every other second use is reuse (RFC 6749 §4.1.2, RFC 9700 §4.14.2). FAPI 2.0 §5.3.2.1 makes no exception for codes.
 */
import { hash } from 'node:crypto'
import { type Client, type KoaContextWithOIDC as EngineContext, Provider } from 'oidc-provider'
import validateDpop, { checkDpopReplay } from 'oidc-provider/lib/helpers/validate_dpop.js'
import inside from 'oidc-provider/lib/helpers/weak_cache.js'
import { type Payload, currentUnit as unit, keyOf } from './unit-of-work.ts'

/** What was answered to one code, refresh token or device code. */
interface Answer {
  /** Of the request; see `proofOf`. */
  readonly proof: string
  readonly body: unknown
  /** Milliseconds since the epoch. */
  readonly until: number
  /** Keys of the records of its tokens. */
  readonly accessToken: string
  readonly refreshToken?: string
}

/** Thrown out of the engine's handler, in place of a refusal. */
class AnsweredBefore extends Error {
  readonly body: unknown
  constructor(body: unknown) {
    super()
    this.body = body
  }
}

/** Token requests that may be repeated, and the proof of each. */
const repeatable = new WeakMap<object, () => Promise<string>>()

/** The key of the answer to a code or token; the record of a code or token names it, so that both are read together. */
export const answerKey = (id: string): string => keyOf('Answer', id)

/**
 * Called when a code or token was presented that has been used.
 * @param dependsOn keys of the records without which its tokens are invalid
 * @throws AnsweredBefore, which `repeatLostAnswers` catches, if the answer may be repeated
 */
export async function repeatAnswer(id: string, dependsOn: readonly string[]): Promise<void> {
  const proof = repeatable.get(Provider.ctx ?? {})
  const answer = proof && ((await unit().read(answerKey(id))) as Answer | undefined)
  if (answer === undefined || answer.until < Date.now() || answer.proof !== (await proof!())) return
  for (const key of dependsOn) if ((await unit().read(key)) === undefined) return
  if (!(await isUsed(answer))) throw new AnsweredBefore(answer.body)
}

async function isUsed({ accessToken, refreshToken }: Answer): Promise<boolean> {
  if (await unit().isSpent(accessToken)) return true
  if (refreshToken === undefined) return false
  const token = await unit().read(refreshToken)
  return token === undefined || token['consumed'] !== undefined
}

/** Everything in a token request that the caller must know or own, beside what authenticated the client. */
async function proofOf(provider: Provider, ctx: EngineContext): Promise<string> {
  const { client, params = {} } = ctx.oidc
  const dpop = await validateDpop(provider, ctx)
  const given = Object.entries(params)
    .filter(([name, value]) => value !== undefined && !name.startsWith('client_'))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
  return hash('sha256', JSON.stringify([client!.clientId, dpop?.thumbprint, given]), 'base64url')
}

/** An event of the provider. */
export const answeredAgain = 'grant.answered_again'

const deviceCode = 'urn:ietf:params:oauth:grant-type:device_code'
/** The grants that use something up, and the engine's name for what they use up. */
const grants = {
  authorization_code: 'AuthorizationCode',
  refresh_token: 'RotatedRefreshToken',
  [deviceCode]: 'DeviceCode',
} as const

/** @param grace seconds; @param isStrict portals whose codes are never answered twice */
export function repeatLostAnswers(
  provider: Provider,
  { grace, isStrict }: { grace: number; isStrict: (client: Client) => boolean },
): void {
  if (grace === 0) return
  const { grantTypeHandlers: handlers } = inside(provider)
  for (const [grant, used] of Object.entries(grants)) {
    const issue = handlers.get(grant)!
    handlers.set(grant, async (ctx) => {
      const client = ctx.oidc.client!
      if (grant === 'authorization_code' && isStrict(client)) return issue(ctx)
      const proof = () => proofOf(provider, ctx)
      repeatable.set(ctx, proof)
      try {
        await issue(ctx)
      } catch (error) {
        if (!(error instanceof AnsweredBefore)) throw error
        await checkDpopReplay(provider, ctx, await validateDpop(provider, ctx), client.clientId)
        provider.emit(answeredAgain, ctx)
        ctx.body = error.body
        return
      }
      const entities = ctx.oidc.entities as unknown as Readonly<Record<string, { jti: string } | undefined>>
      const { [used]: source, AccessToken: accessToken, RefreshToken: refreshToken } = entities
      // A refresh token that is not rotated is not used up.
      if (source === undefined || accessToken === undefined) return
      const answer: Answer = {
        proof: await proof(),
        body: ctx.body,
        until: Date.now() + grace * 1000,
        accessToken: keyOf('AccessToken', accessToken.jti),
        ...(refreshToken && { refreshToken: keyOf('RefreshToken', refreshToken.jti) }),
      }
      unit().put(answerKey(source.jti), answer as unknown as Payload, grace)
    })
  }
}
