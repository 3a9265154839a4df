/** Reads the environment into one frozen `Config`. The only reader of the environment. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { type AuditClass, auditClasses, keptForEver } from '../audit.ts'
import { unwrapByCommand, unwrapSettings } from './wrapped-keys.ts'
import { dimensions, limitGroups } from './limit-table.ts'
import { key, keyList, seconds, port, networks, flag, json, splitPair, safeUrl } from './values.ts'
import { type DeepReadonly, type Environment, deepFreeze, readSettings } from './settings.ts'
import { levels, personKinds } from '../vocabulary.ts'

const claimNames = z.object({
  kind: z.string(),
  level: z.string(),
  citizenId: z.string(),
  organisationId: z.string(),
  organisationName: z.string(),
  name: z.string(),
  birthDate: z.string(),
  gender: z.string(),
})

/** VNeID's claim names and values. They are not published, so each one is a setting (docs/operate/start.md). */
const defaultClaims = {
  kind: 'accountType',
  level: 'accountLevel',
  citizenId: 'citizenPid',
  organisationId: 'organizationId',
  organisationName: 'organizationName',
  name: 'fullName',
  birthDate: 'birthDate',
  gender: 'gender',
}
const defaultKinds = {
  '1': 'citizen',
  '2': 'organisation',
  '3': 'representative',
  '4': 'unauthorised_member',
  '5': 'foreigner',
} as const
const defaultLevels = { '1': 1, '2': 2, '01': 1, '02': 2 } as const

const schema = z.object({
  ISSUER: safeUrl.refine(
    (text) => URL.parse(text)?.origin === text,
    'must be an origin: no path, query or trailing slash',
  ),
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(3000),
  OPERATIONS_HOST: z.string().default('127.0.0.1'),
  OPERATIONS_PORT: port.default(3001),
  ADMIN_HOST: z.string().default('127.0.0.1'),
  ADMIN_PORT: port.default(3002),
  TRUSTED_PROXIES: networks.optional(),
  FORWARDED_HEADER: z.enum(['x-forwarded-for', 'forwarded']).default('x-forwarded-for'),
  LIMITS: json(
    z.partialRecord(
      z.enum(limitGroups),
      z.partialRecord(z.enum(dimensions), z.int().positive('must be a positive number')),
    ),
  ).prefault('{}'),
  HEADERS_TIMEOUT: seconds.default(10),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  DRAIN_DELAY: z.coerce.number().int().min(0).max(120).default(0),
  SHUTDOWN_GRACE: seconds.default(20),

  DATABASE_URL: z
    .string()
    .regex(
      /^(postgres(ql)?:\/\/.+|embedded:.+)$/,
      'must be postgres://… or embedded:FOLDER (embedded:memory stores nothing on disk)',
    ),
  DATABASE_POOL: z.coerce.number().int().min(1).max(200).default(10),
  STATE_URL: z
    .string()
    .regex(
      /^(rediss?:\/\/.+|rediss?-(sentinel|cluster):\/\/.+|memory:)$/,
      'must be redis://, redis-sentinel://, redis-cluster:// (or rediss…), or memory:',
    ),
  STATE_LIMIT_MB: z.coerce.number().int().min(16).max(65_536).default(512),

  SEAL_KEYS: keyList,
  INDEX_KEYS: keyList,
  COOKIE_KEYS: keyList,
  PAIRWISE_KEY: key,
  KEY_COMMAND: z
    .string()
    .startsWith('/', 'must be the absolute path of a program, followed by its arguments')
    .optional(),
  KEY_ROTATION_DAYS: z.coerce.number().int().min(0).max(3650).default(90),

  UPSTREAM_DIALECT: z.enum(['oidc', 'vneid']),
  UPSTREAM_CLIENT_ID: z.string().min(1),
  UPSTREAM_CLIENT_SECRET: z.string().min(1).optional(),
  UPSTREAM_CLIENT_KEY: z.string().startsWith('-----BEGIN', 'must be a PEM private key').optional(),
  UPSTREAM_CLIENT_KEY_ID: z.string().optional(),
  UPSTREAM_ISSUER: safeUrl.optional(),
  UPSTREAM_DISCOVERY: flag.default(true),
  UPSTREAM_AUTHORIZATION_ENDPOINT: safeUrl.optional(),
  UPSTREAM_TOKEN_ENDPOINT: safeUrl.optional(),
  UPSTREAM_USERINFO_ENDPOINT: safeUrl.optional(),
  UPSTREAM_JWKS_URI: safeUrl.optional(),
  UPSTREAM_END_SESSION_ENDPOINT: safeUrl.optional(),
  UPSTREAM_ID_TOKEN_ALG: z.enum(['RS256', 'PS256', 'ES256', 'EdDSA']).default('RS256'),
  UPSTREAM_SCOPE: z.string().default('openid'),
  UPSTREAM_ACR_VALUES: json(z.record(z.enum(['1', '2']), z.string())).optional(),
  UPSTREAM_TIMEOUT: z.coerce.number().positive().default(8),
  UPSTREAM_CA: z.string().startsWith('-----BEGIN CERTIFICATE', 'must be PEM certificates').optional(),
  UPSTREAM_ENVELOPE: z.enum(['none', 'ecb', 'cbc']).default('ecb'),
  UPSTREAM_ENVELOPE_KEY: z.string().startsWith('-----BEGIN', 'must be a PEM RSA private key').optional(),
  UPSTREAM_CLAIMS: json(claimNames.partial()).prefault('{}'),
  UPSTREAM_KINDS: json(z.record(z.string(), z.enum(personKinds))).optional(),
  UPSTREAM_LEVELS: json(z.record(z.string(), z.literal(levels))).optional(),

  SESSION_TTL: seconds.default(8 * 3600),
  INTERACTION_TTL: seconds.min(600, 'must be at least 600: a citizen needs 10 minutes at VNeID').default(900),
  ACCESS_TOKEN_TTL: seconds.max(3600).default(600),
  ID_TOKEN_TTL: seconds.max(3600).default(600),
  REFRESH_TOKEN_TTL: seconds.default(30 * 24 * 3600),
  TOKEN_RETRY_GRACE: z.coerce.number().int().min(0).max(60, 'must be at most 60 seconds').default(10),
  AUDIT_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(365, 'must be at least 365')
    .default(5 * 365),
  AUDIT_RETENTION: json(
    z.partialRecord(
      z.enum(auditClasses).exclude([keptForEver]),
      z.int().min(365, 'must be at least 365 days'),
    ),
  ).prefault('{}'),
  HOTLINE: z.string().default('1900.0368'),

  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .regex(
      /^[\w-]+=([^,%]|%[0-7][\da-f])*(,[\w-]+=([^,%]|%[0-7][\da-f])*)*$/i,
      'must be NAME=VALUE, separated by commas',
    )
    .transform((text) => Object.fromEntries(text.split(',').map((pair) => splitPair(pair))))
    .optional(),
  OTEL_EXPORTER_OTLP_TIMEOUT: z.coerce.number().int().positive().default(3_000),
  OTEL_SERVICE_NAME: z.string().min(1).default('vneid-sso-gateway'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
})

/** Rules between settings. They check raw values, so that these faults are reported together with the others. */
function crossFaults(given: Readonly<Record<string, string>>): string[] {
  const faults: string[] = []
  const need = (name: keyof Env, why: string) => {
    if (given[name] === undefined) faults.push(`${name} ${why}`)
  }
  if (given.UPSTREAM_DIALECT === 'oidc') {
    need('UPSTREAM_ISSUER', 'is required by the oidc dialect')
    if (given.UPSTREAM_CLIENT_KEY === undefined) {
      need('UPSTREAM_CLIENT_SECRET', 'is required (or UPSTREAM_CLIENT_KEY for private_key_jwt)')
    }
    if (given.UPSTREAM_DISCOVERY === 'false') {
      need('UPSTREAM_AUTHORIZATION_ENDPOINT', 'is required when UPSTREAM_DISCOVERY is false')
      need('UPSTREAM_TOKEN_ENDPOINT', 'is required when UPSTREAM_DISCOVERY is false')
      need('UPSTREAM_JWKS_URI', 'is required when UPSTREAM_DISCOVERY is false')
    }
  } else if (given.UPSTREAM_DIALECT === 'vneid') {
    need('UPSTREAM_AUTHORIZATION_ENDPOINT', 'is required by the vneid dialect')
    need('UPSTREAM_TOKEN_ENDPOINT', 'is required by the vneid dialect')
    need('UPSTREAM_USERINFO_ENDPOINT', 'is required by the vneid dialect')
    need('UPSTREAM_CLIENT_SECRET', 'is required by the vneid dialect')
    if (given.UPSTREAM_ENVELOPE !== 'none')
      need('UPSTREAM_ENVELOPE_KEY', 'is required unless UPSTREAM_ENVELOPE is none')
  }
  return faults
}

/** The names of all settings, for the test of the example files. */
export const settingNames = Object.keys(schema.shape)

type Env = z.output<typeof schema>

function shape(env: Env) {
  return {
    issuer: env.ISSUER,
    listen: { host: env.HOST, port: env.PORT },
    operations: { host: env.OPERATIONS_HOST, port: env.OPERATIONS_PORT },
    /** `audience`: the required `aud` of operators' assertions. */
    admin: { host: env.ADMIN_HOST, port: env.ADMIN_PORT, audience: `${env.ISSUER}/admin` },
    /** Proxies that may name the caller's address, and the header in which they do. */
    proxies: { networks: env.TRUSTED_PROXIES ?? [], header: env.FORWARDED_HEADER },
    /** Overrides of `limitTable`. */
    limits: env.LIMITS,
    /** Seconds until a request's headers must be there, on every listener. */
    headersTimeout: env.HEADERS_TIMEOUT,
    logLevel: env.LOG_LEVEL,
    /** Seconds between "not ready" and closing the listeners. */
    drainDelay: env.DRAIN_DELAY,
    /** Seconds that running requests may take after that. */
    shutdownGrace: env.SHUTDOWN_GRACE,
    database: { url: env.DATABASE_URL, pool: env.DATABASE_POOL },
    state: { url: env.STATE_URL, limit: env.STATE_LIMIT_MB * 2 ** 20 },
    keys: { seal: env.SEAL_KEYS, index: env.INDEX_KEYS, cookie: env.COOKIE_KEYS, pairwise: env.PAIRWISE_KEY },
    upstream: {
      dialect: env.UPSTREAM_DIALECT,
      clientId: env.UPSTREAM_CLIENT_ID,
      clientSecret: env.UPSTREAM_CLIENT_SECRET,
      clientKey: env.UPSTREAM_CLIENT_KEY,
      clientKeyId: env.UPSTREAM_CLIENT_KEY_ID,
      redirectUri: `${env.ISSUER}/callback`,
      issuer: env.UPSTREAM_ISSUER,
      discovery: env.UPSTREAM_DISCOVERY,
      authorizationEndpoint: env.UPSTREAM_AUTHORIZATION_ENDPOINT,
      tokenEndpoint: env.UPSTREAM_TOKEN_ENDPOINT,
      userinfoEndpoint: env.UPSTREAM_USERINFO_ENDPOINT,
      jwksUri: env.UPSTREAM_JWKS_URI,
      endSessionEndpoint: env.UPSTREAM_END_SESSION_ENDPOINT,
      idTokenAlg: env.UPSTREAM_ID_TOKEN_ALG,
      scope: env.UPSTREAM_SCOPE,
      /** `acr_values` to send to VNeID, by requested level. Undefined: none are sent. */
      acrValues: env.UPSTREAM_ACR_VALUES,
      /** Seconds for each upstream call; fractions are possible. */
      timeout: env.UPSTREAM_TIMEOUT,
      ca: env.UPSTREAM_CA,
      envelope: env.UPSTREAM_ENVELOPE,
      envelopeKey: env.UPSTREAM_ENVELOPE_KEY,
      claims: { ...defaultClaims, ...env.UPSTREAM_CLAIMS },
      kinds: env.UPSTREAM_KINDS ?? defaultKinds,
      levels: env.UPSTREAM_LEVELS ?? defaultLevels,
    },
    /** All in seconds. */
    ttl: {
      session: env.SESSION_TTL,
      interaction: env.INTERACTION_TTL,
      accessToken: env.ACCESS_TOKEN_TTL,
      idToken: env.ID_TOKEN_TTL,
      refreshToken: env.REFRESH_TOKEN_TTL,
      /** How long a portal may repeat a token request whose answer got lost. 0: not at all. */
      retryGrace: env.TOKEN_RETRY_GRACE,
    },
    /** Days of retention by audit class. */
    auditRetention: {
      ...Object.fromEntries(auditClasses.map((name) => [name, env.AUDIT_RETENTION_DAYS])),
      ...env.AUDIT_RETENTION,
    } as Readonly<Record<AuditClass, number>>,
    /** Days after which a signing key is rotated. 0: no automatic rotation. */
    keyRotationDays: env.KEY_ROTATION_DAYS,
    hotline: env.HOTLINE,
    /** Traces are off without an endpoint. */
    tracing: {
      endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
      headers: env.OTEL_EXPORTER_OTLP_HEADERS ?? {},
      /** Milliseconds for one batch; a broker that ends waits as long for a collector that is away. */
      timeout: env.OTEL_EXPORTER_OTLP_TIMEOUT,
      serviceName: env.OTEL_SERVICE_NAME,
      /** Share of sampled requests, 0 to 1. */
      ratio: env.OTEL_TRACES_SAMPLER_ARG,
    },
  }
}

export type Config = DeepReadonly<ReturnType<typeof shape>>

/** @throws ConfigError naming every missing or wrong setting */
export const loadConfig = (environment: Environment = process.env): Config =>
  deepFreeze(shape(readSettings(schema, environment, crossFaults, (given) => unwrapKeys(given, environment))))

/** The command's environment leaves out our own settings, because they may contain keys. */
function unwrapKeys(given: Record<string, string>, environment: Environment) {
  const command = given['KEY_COMMAND']
  const ours = new Set(settingNames.flatMap((name) => [name, `${name}_FILE`]))
  const rest = Object.fromEntries(Object.entries(environment).filter(([name]) => !ours.has(name)))
  const unwrap = command?.startsWith('/') ? unwrapByCommand(command, rest) : undefined
  return unwrapSettings(given, ['SEAL_KEYS', 'INDEX_KEYS', 'COOKIE_KEYS', 'PAIRWISE_KEY'], unwrap)
}

/** Settings of the commands that call the admin API. `operator create` writes the file for `OPERATOR_KEY_FILE`. */
const clientSchema = z.object({
  ADMIN_URL: safeUrl.default('http://127.0.0.1:3002'),
  OPERATOR_KEY: json(
    z.object({ operator: z.string(), audience: z.string(), key: z.looseObject({ kty: z.string() }) }),
  ).optional(),
  /** The issuer at which a person signs in (`operator sign-in`). */
  ISSUER: safeUrl.optional(),
  OPERATOR_SESSION_FILE: z.string().min(1).optional(),
})

/** @throws ConfigError naming every missing or wrong setting */
export function loadClientConfig(environment: Environment) {
  const { ADMIN_URL: url, OPERATOR_KEY: operatorKey, ...given } = readSettings(clientSchema, environment)
  const folder = environment['XDG_STATE_HOME'] ?? join(environment['HOME'] ?? homedir(), '.local', 'state')
  const sessionFile = given.OPERATOR_SESSION_FILE ?? join(folder, 'vneid-sso-gateway', 'operator.json')
  return deepFreeze({ url, operatorKey, issuer: given.ISSUER, sessionFile })
}
