/** `npm run simulator` runs the simulator as a separate program, with its own settings. */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { inOurWords } from '../../config/issue-sentence.ts'
import { citizens } from '../citizens.ts'
import { openSimulator } from './simulator.ts'

const list = z
  .string()
  .transform((text) => text.split(',').map((item) => item.trim()))
  .pipe(z.array(z.url()))
const required = z.string('is required')

const schema = z
  .object({
    SIMULATOR_HOST: z.string().default('127.0.0.1'),
    SIMULATOR_PORT: z.coerce.number().int().min(0).max(65_535).default(3400),
    SIMULATOR_ISSUER: z.url().regex(/[^/]$/, 'must have no trailing slash').optional(),
    SIMULATOR_CLIENT_ID: required,
    SIMULATOR_CLIENT_SECRET: required,
    SIMULATOR_REDIRECT_URIS: required.pipe(list),
    SIMULATOR_POST_LOGOUT_REDIRECT_URIS: list.optional(),
    SIMULATOR_APPROVE: z.enum(citizens.map(({ key }) => key)).optional(),
    SIMULATOR_ENVELOPE: z.enum(['none', 'ecb', 'cbc']).default('none'),
    SIMULATOR_ENVELOPE_PUBLIC_KEY: z.string().startsWith('-----BEGIN', 'must be a PEM public key').optional(),
  })
  .refine((env) => !['ecb', 'cbc'].includes(env.SIMULATOR_ENVELOPE) || env.SIMULATOR_ENVELOPE_PUBLIC_KEY, {
    path: ['SIMULATOR_ENVELOPE_PUBLIC_KEY'],
    // Also checked if another setting is wrong, so that all faults are reported at once.
    when: () => true,
    error: 'is required unless SIMULATOR_ENVELOPE is none (or set SIMULATOR_ENVELOPE_PUBLIC_KEY_FILE)',
  })

const faults: string[] = []
const result = schema.safeParse(given(), inOurWords)
for (const { path, message } of result.error?.issues ?? []) faults.push(`  ${path[0]?.toString()} ${message}`)
if (faults.length > 0 || !result.success) fail(faults)

const env = result.data
const simulator = await openSimulator({
  host: env.SIMULATOR_HOST,
  port: env.SIMULATOR_PORT,
  issuer: env.SIMULATOR_ISSUER,
  approve: env.SIMULATOR_APPROVE,
  envelope: env.SIMULATOR_ENVELOPE,
  clients: [
    {
      clientId: env.SIMULATOR_CLIENT_ID,
      clientSecret: env.SIMULATOR_CLIENT_SECRET,
      redirectUris: env.SIMULATOR_REDIRECT_URIS,
      postLogoutRedirectUris: env.SIMULATOR_POST_LOGOUT_REDIRECT_URIS,
      envelopePublicKey: env.SIMULATOR_ENVELOPE_PUBLIC_KEY,
    },
  ],
}).catch((error: Error) => fail([`  ${error.message}`]))
console.log(`VNeID simulator (made-up citizens only): ${simulator.issuer}`)
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void simulator.close())

/** Every setting from the environment, or from the file that NAME_FILE names. An empty value counts as not set. */
function given(): Record<string, string> {
  const values: Record<string, string> = {}
  for (const name of Object.keys(schema.shape)) {
    const file = process.env[`${name}_FILE`]
    try {
      const value = process.env[name] || (file && readFileSync(file, 'utf8').trim())
      if (value) values[name] = value
    } catch {
      faults.push(`  ${name}_FILE cannot be read`)
    }
  }
  return values
}

function fail(lines: string[]): never {
  console.error(`simulator settings:\n${[...new Set(lines)].join('\n')}`)
  process.exit(1)
}
