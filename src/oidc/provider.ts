/** The engine's configuration: endpoints, features and lifetimes of our issuer. */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import {
  type Adapter,
  type Client,
  type Configuration,
  type Grant,
  type JWKS,
  type KoaContextWithOIDC as EngineContext,
  Provider,
  errors,
} from 'oidc-provider'
import type { Parts } from '../parts.ts'
import { createFindAccount, createFormerSubs, createPairwiseIdentifier } from './accounts.ts'
import { acrValues } from './acr.ts'
import { claimsByScope, scopeNames } from '../registry/scopes.ts'
import { consoleId, consoleScope } from '../operators/console.ts'
import { consoleSessionMax } from './console.ts'
import { isSecretOf, ownFields } from '../registry/engine-payload.ts'
import { asymmetric, keyManagement } from '../registry/metadata.ts'
import { policyOf } from '../registry/clients.ts'
import { createAdmit, loadExistingGrant, type AdmitAgain } from './grants.ts'
import type { BrokerSession } from './identity-record.ts'
import { legacyAccountParams, requireUsedOnce } from './legacy-account.ts'
import { createInteractionPolicy, promptValues } from './policy.ts'

/** Longest life of a client assertion or request object, in seconds. */
const maxAssertionLife = 600

/** Hooks that `login/` implements. */
export interface CitizenSteps {
  /** The URL to which the browser is redirected: VNeID, or one of our pages. May throw an engine error. */
  interactionUrl(ctx: EngineContext, interaction: InstanceType<Provider['Interaction']>): Promise<string>
  admitAgain: AdmitAgain
}

/** The pages that the engine calls for. */
export interface CitizenPages {
  renderError: NonNullable<Configuration['renderError']>
  logoutPage(ctx: EngineContext): void
  loggedOutPage(ctx: EngineContext): Promise<void>
}

/** The pages of the device flow. */
export interface DevicePages {
  /** Shows the form for the code, or the given error. */
  input(ctx: EngineContext, error?: Error): Promise<void>
  confirm(ctx: EngineContext, code: string): void
  done(ctx: EngineContext): void
}

export function createProvider({
  config,
  links,
  keys,
  adapter,
  steps,
  pages,
  device,
  fetch,
}: Pick<Parts, 'config' | 'links'> & {
  keys: JWKS
  adapter: (model: string) => Adapter
  steps: CitizenSteps
  pages: CitizenPages
  device: DevicePages
  fetch: NonNullable<Configuration['fetch']>
}): Provider {
  const { ttl } = config
  const secure = config.issuer.startsWith('https:')
  const untilSessionEnds = (session: BrokerSession | undefined) => {
    const now = Math.floor(Date.now() / 1000)
    return Math.max(1, ttl.session - (now - (session?.signedInAt ?? now)))
  }

  const provider = new Provider(config.issuer, {
    adapter,
    jwks: keys,
    findAccount: createFindAccount({ links, formerSubs: createFormerSubs(config.keys.pairwise) }),
    loadExistingGrant: loadExistingGrant as NonNullable<Configuration['loadExistingGrant']>,
    interactions: {
      policy: createInteractionPolicy({ admit: createAdmit({ again: steps.admitAgain }) }),
      url: steps.interactionUrl,
    },
    renderError: pages.renderError,
    fetch,

    scopes: [...scopeNames, consoleScope],
    claims: {
      ...Object.fromEntries(Object.entries(claimsByScope).map(([scope, claims]) => [scope, [...claims]])),
      openid: [...claimsByScope.openid, 'acr'],
      acr: null,
      auth_time: null,
      iss: null,
      sid: null,
    },
    acrValues: [...acrValues],
    extraParams: legacyAccountParams,
    subjectTypes: ['pairwise', 'public'],
    pairwiseIdentifier: createPairwiseIdentifier(config.keys.pairwise),
    // Operators review the registry, so the file at `sector_identifier_uri` is not fetched again at run time.
    sectorIdentifierUriValidate: () => false,
    extraClientMetadata: { properties: [...ownFields] },
    clientDefaults: { id_token_signed_response_alg: 'ES256', subject_type: 'pairwise' },
    clientBasedCORS: (_ctx, origin, client) =>
      client.clientAuthMethod === 'none' &&
      // `null` is the origin of a sandboxed frame, and also of a parsed URI with an app's own scheme.
      origin !== 'null' &&
      [...(client.redirectUris ?? []), ...policyOf(client).allowed_origins].some(
        (uri) => URL.parse(uri)?.origin === origin,
      ),

    responseTypes: ['code'],
    pkce: { required: (_ctx, client) => policyOf(client).pkce_exemption === undefined },
    allowOmittingSingleRegisteredRedirectUri: false,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    assertJwtClientAuthClaimsAndHeader: (ctx, claims, _header, client) => {
      assertShortLived(claims, (message) => new errors.InvalidClientAuth(message))
      if (isFapi(client) && claims['aud'] !== ctx.oidc.issuer) {
        throw new errors.InvalidClientAuth('audience (aud) must equal the issuer')
      }
      return Promise.resolve()
    },
    issueRefreshToken: (_ctx, client, _source) => Promise.resolve(client.grantTypeAllowed('refresh_token')),
    // FAPI 2.0 §5.3.2.1 forbids rotation; FAPI tokens are bound to a key instead.
    rotateRefreshToken: (ctx) => !isFapi(ctx.oidc.client),
    revokeGrantPolicy: () => true,

    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: {
        enabled: true,
        mask: '***-***-***',
        // Do not store the terminal's address and user agent.
        deviceInfo: () => ({}),
        userCodeInputSource: (ctx, _form, _out, error) => device.input(ctx, error),
        userCodeConfirmSource: async (ctx, _form, _client, _info, code) => device.confirm(ctx, code),
        successSource: async (ctx) => device.done(ctx),
      },
      dPoP: {
        enabled: true,
        nonceSecret: createHmac('sha256', config.keys.pairwise).update('dpop nonce').digest(),
      },
      encryption: { enabled: true },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      fapi: { enabled: true, profile: (_ctx, client) => (isFapi(client) ? '2.0' : undefined) },
      introspection: {
        enabled: true,
        allowedPolicy: async (_ctx, client, token) => {
          if (token.clientId !== client.clientId) return false
          const { accountId } = token as { accountId?: string }
          return accountId === undefined || (await links(accountId, client.clientId)) !== undefined
        },
      },
      jwtUserinfo: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      requestObjects: {
        enabled: true,
        assertJwtClaimsAndHeader: (ctx, claims, _header, client) => {
          const fault = (message: string) => new errors.InvalidRequestObject(message)
          assertShortLived(claims, fault)
          requireUsedOnce(ctx, claims, client, fault)
          if (isFapi(client)) assertBounded(claims, fault)
          return Promise.resolve()
        },
      },
      resourceIndicators: { enabled: false },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx) => pages.logoutPage(ctx),
        postLogoutSuccessSource: (ctx) => pages.loggedOutPage(ctx),
      },
      userinfo: { enabled: true },
    },
    enabledJWA: {
      clientAuthSigningAlgValues: [...asymmetric],
      requestObjectSigningAlgValues: [...asymmetric],
      idTokenEncryptionAlgValues: [...keyManagement],
      userinfoEncryptionAlgValues: [...keyManagement],
      requestObjectEncryptionAlgValues: [],
      requestObjectEncryptionEncValues: [],
    },

    cookies: {
      names: { session: secure ? '__Host-session' : 'session', interaction: 'interaction', resume: 'resume' },
      long: { httpOnly: true, sameSite: 'lax', secure, path: '/', signed: true },
      short: { httpOnly: true, sameSite: 'lax', secure, path: '/', signed: true },
      keys: createCookieSigner(config.keys.cookie) as unknown as string[],
    },
    ttl: {
      AccessToken: ttl.accessToken,
      AuthorizationCode: 60,
      ClientCredentials: ttl.accessToken,
      DeviceCode: 600,
      IdToken: ttl.idToken,
      Interaction: ttl.interaction,
      // Counted from the sign-in; using the session does not extend it.
      Session: (_ctx: unknown, session: BrokerSession) =>
        // A session without a person holds only the secret of a form.
        session.accountId === undefined ? ttl.interaction : untilSessionEnds(session),
      Grant: (ctx: EngineContext, grant: Grant) =>
        grant.getOIDCScope().split(' ').includes('offline_access')
          ? ttl.refreshToken
          : untilSessionEnds(ctx.oidc.session),
      RefreshToken: (ctx: EngineContext, token: { expiresWithSession?: boolean }) =>
        ctx.oidc.entities.RotatedRefreshToken?.remainingTTL ??
        (ctx.oidc.client?.clientId === consoleId
          ? Math.min(consoleSessionMax, ttl.session)
          : token.expiresWithSession
            ? Math.min(ttl.session, ttl.refreshToken)
            : ttl.refreshToken),
    },
    discovery: {
      ui_locales_supported: ['vi', 'en'],
      prompt_values_supported: promptValues,
      service_documentation: undefined,
    },
  } as Configuration)

  // The engine stores only the fields that a model lists, so add ours. They are sealed with the record and end with it.
  extendModel(provider.Session, ['identity', 'signedInAt'])
  extendModel(provider.Grant, ['identity', 'links', 'linksAt', 'linkOutcome'])
  provider.Client.prototype.compareClientSecret = function (presented: string) {
    return isSecretOf(this, presented)
  }
  return provider
}

export const isFapi = (client: Client | undefined): boolean =>
  client !== undefined && policyOf(client).profile === 'fapi2'

function extendModel(model: object, fields: readonly string[]): void {
  const listed = (model as { IN_PAYLOAD: readonly string[] }).IN_PAYLOAD
  Object.defineProperty(model, 'IN_PAYLOAD', { value: [...listed, ...fields] })
}

function assertShortLived(claims: Record<string, unknown>, fault: (message: string) => Error): void {
  const { exp } = claims
  if (typeof exp !== 'number') throw fault('exp is required')
  if (exp - Date.now() / 1000 > maxAssertionLife)
    throw fault(`exp must be at most ${maxAssertionLife} seconds ahead`)
}

/** FAPI 2.0 Message Signing §5.3.1: `aud` and `nbf` are required, and `nbf` is at most an hour before `exp`. */
function assertBounded({ aud, nbf, exp }: Record<string, unknown>, fault: (message: string) => Error): void {
  if (aud === undefined) throw fault('aud is required')
  if (typeof nbf !== 'number') throw fault('nbf is required')
  if (Number(exp) <= nbf || Number(exp) - nbf > 3600)
    throw fault('nbf must be before exp, by at most an hour')
}

/** The interface that Koa expects of Keygrip, with one HMAC and one constant-time comparison per cookie and key. */
function createCookieSigner(keys: readonly Buffer[]) {
  const ring = keys.map((key) => createSecretKey(key))
  const mac = (data: string, key: KeyObject) => createHmac('sha256', key).update(data).digest()
  const signer = {
    sign: (data: string) => mac(data, ring[0]!).toString('base64url'),
    /** One signature per key, newest key first. */
    signatures: (data: string) => ring.map((key) => mac(data, key)),
    index(data: string, signature: string) {
      const given = Buffer.from(signature, 'base64url')
      return ring.findIndex((key) => given.length === 32 && timingSafeEqual(mac(data, key), given))
    },
    verify: (data: string, signature: string) => signer.index(data, signature) >= 0,
  }
  return signer
}
