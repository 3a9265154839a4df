/** The commands of docs/operate/keys.md, key-ring.md and audit.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { numberOf } from '../../operators/officers.ts'
import type { Step, Take } from '../story.ts'

const takeKid: Take = (out, { facts }) => {
  facts['KID'] = /ES256 +([\w-]{43}) +next/.exec(out)![1]!
}

export const keyStory: readonly Step[] = [
  { line: 'npm run cli -- keys list', prints: /ES256 +[\w-]{43} +current/ },
  { line: 'npm run cli -- keys rotate', prints: /ES256 [\w-]{43}/ },
  { line: 'npm run cli -- keys list', prints: /ES256 +[\w-]{43} +next/, after: takeKid },
  { line: 'npm run cli -- keys revoke KID --reason …', prints: /revoked/ },
  {
    line: 'npm run cli -- keys rotate --alg ALG',
    before: ({ facts }) => {
      facts['ALG'] = 'ES256'
    },
    prints: /ES256 [\w-]{43}/,
  },
  { line: 'npm run cli -- keys rotate --alg RS256 --announce 1h', prints: /RS256 [\w-]{43}/ },
  { line: 'npm run cli -- keys ring', prints: /^SEAL_KEYS +1 [^]*INDEX_KEYS 1/ },
  { line: 'npm run cli -- keys reseal', prints: /\d+ changed/ },
]

export const auditStory: readonly Step[] = [
  {
    line: 'npm run cli -- audit events --client ID --from DAY',
    before: ({ facts }) => {
      Object.assign(facts, { ID: 'portal-1', DAY: '2026-01-01' })
    },
    prints: /login\.completed/,
  },
  {
    line: 'npm run cli -- trace REF',
    before: async ({ world, facts }) => {
      const [row] = await world.db.query<{ reference: string }>(
        `select reference from audit_event where event = 'login.completed' and client_id = 'portal-1' limit 1`,
      )
      facts['REF'] = row!.reference
    },
    prints: /at portal-1/,
  },
  {
    line: 'npm run cli -- audit person --citizen-id -',
    input: () => `${numberOf('chi')}\n`,
    prints: /subject \S+[^]*link\.created/,
  },
  {
    line: 'npm run cli -- audit keys --out audit-keys.json',
    prints: /^/,
    after: (_out, { folder }) => JSON.parse(readFileSync(join(folder, 'audit-keys.json'), 'utf8')) as unknown,
  },
  {
    line: 'npm run cli -- audit checkpoint',
    prints: /head \d+:\S+/,
    after: (out, { facts }) => {
      facts['N:HASH'] = /head (\S+)/.exec(out)![1]!
    },
  },
  {
    line: 'npm run cli -- audit verify --key audit-keys.json --expect-checkpoint N:HASH',
    prints: /\nverified\n$/,
  },
  {
    line: 'npm run cli -- audit verify --key audit-keys.json --from 2026-03-01 --to 2026-04-01',
    prints: /verified\n$/,
  },
  { line: 'npm run cli -- audit verify --key audit-keys.json', prints: /\nverified\n$/ },
  { line: 'npm run cli -- audit verify', prints: /verified\n$/ },
  { line: 'npm run cli -- audit export audit.ndjson.gz', prints: /audit\.ndjson\.gz/ },
  {
    line: 'npm run cli -- audit verify --file audit.ndjson.gz --key audit-keys.json',
    prints: /\nverified\n$/,
  },
  { line: 'npm run cli -- audit rotate-key', prints: /\S{43}/ },
]
