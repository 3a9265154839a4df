import { readdirSync, statSync } from 'node:fs'
import { defineConfig } from 'oxlint'

/** What every room stands on: files at the root of src/ and rooms that know nothing of the product. */
export const floor = [
  'audit',
  'citizen-id',
  'crypto',
  'error-table',
  'errors',
  'net',
  'telemetry',
  'vietnam-date',
  'vocabulary',
]

/**
 * The only imports between rooms, besides those of `floor`; `types:` where only types may be imported.
 * `docs/architecture.md` shows the same table, and a test holds the two equal.
 */
export const arrows: Readonly<Record<string, readonly string[]>> = {
  main: ['app', 'config', 'housekeeping', 'http', 'oidc', 'store', 'types:admin', 'types:parts'],
  app: [
    'admin',
    'housekeeping',
    'http',
    'login',
    'mapping',
    'oidc',
    'portals',
    'registry',
    'ring',
    'store',
    'types:parts',
    'upstream',
  ],
  housekeeping: ['admin', 'approvals', 'oidc', 'proof', 'registry', 'store', 'types:parts'],
  sandbox: [
    'cli',
    'config',
    'main',
    'mapping',
    'oidc',
    'operators',
    'pages',
    'recording',
    'registry',
    'store',
    'types:imports',
  ],
  cli: [
    'config',
    'http',
    'imports',
    'mapping',
    'oidc',
    'operators',
    'proof',
    'recording',
    'registry',
    'ring',
    'store',
    'types:admin',
    'types:portals',
    'upstream',
  ],
  admin: [
    'approvals',
    'http',
    'imports',
    'mapping',
    'oidc',
    'operators',
    'portals',
    'proof',
    'recording',
    'registry',
    'ring',
    'store',
    'types:parts',
  ],
  login: [
    'http',
    'mapping',
    'oidc',
    'operators',
    'pages',
    'recording',
    'registry',
    'store',
    'types:parts',
    'types:upstream',
  ],
  portals: ['http', 'mapping', 'oidc', 'recording', 'store', 'types:parts', 'types:registry'],
  http: ['config', 'oidc', 'store', 'types:parts'],
  oidc: ['operators', 'recording', 'registry', 'store', 'types:mapping', 'types:parts', 'types:upstream'],
  imports: ['mapping', 'recording', 'store', 'types:config', 'types:parts'],
  ring: ['config', 'imports', 'mapping', 'recording', 'store'],
  registry: ['recording', 'store'],
  mapping: ['approvals', 'recording', 'store'],
  approvals: ['recording', 'store'],
  operators: ['recording', 'store'],
  proof: ['recording', 'store'],
  recording: ['store'],
  upstream: ['types:config'],
  telemetry: ['types:config'],
  parts: ['types:config', 'types:mapping', 'types:registry', 'types:store', 'types:upstream'],
  store: [],
  pages: [],
  config: [],
}

/** The rooms and root files of the source, by name. */
export const rooms = readdirSync('src')
  .filter((name) => name.endsWith('.ts') || statSync(`src/${name}`).isDirectory())
  .map((name) => name.replace(/\.ts$/, ''))

/** @param up the way from the importing files to src/ */
const closed = (from: string, up: string): object[] => {
  const pathTo = (names: readonly string[]) => `^${up}(${names.join('|')})(/|\\.ts$)`
  const open = arrows[from] ?? []
  const above = rooms.filter((name) => name !== from && !floor.includes(name) && !open.includes(name))
  const message = `not an arrow of "${from}" in oxlint.config.ts`
  const [types, none] = [
    above.filter((name) => open.includes(`types:${name}`)),
    above.filter((name) => !open.includes(`types:${name}`)),
  ]
  return [
    { regex: pathTo(none), message },
    ...(types.length > 0
      ? [{ regex: pathTo(types), message: `${message}, except types`, allowTypeImports: true }]
      : []),
  ]
}

/** What only the named places may import. */
const owned = {
  sql: {
    regex: '^(pg|pg-copy-streams|ioredis|@electric-sql/pglite)$',
    message: 'SQL and Redis live in store/ only.',
  },
  engine: {
    regex: '^oidc-provider$',
    message: 'oidc/ alone constructs the provider.',
    allowTypeImports: true,
  },
  rp: {
    regex: '^openid-client$',
    message: 'upstream/ calls VNeID; cli/session.ts and the demo portal are clients of ours.',
  },
  audit: {
    regex: 'store/audit\\.ts$',
    message: 'recording.ts alone writes audit events.',
  },
}
type Owned = keyof typeof owned
/** Who owns what. */
const owners: Readonly<Record<string, readonly Owned[]>> = {
  store: ['sql', 'audit'],
  oidc: ['engine'],
  upstream: ['rp'],
  sandbox: ['rp'],
  recording: ['audit'],
}
const forbidden = (from: string, up: string, also: readonly Owned[] = []): object[] => [
  ...closed(from, up),
  ...Object.entries(owned)
    .filter(([name]) => ![...(owners[from] ?? []), ...also].includes(name as Owned))
    .map(([, pattern]) => pattern),
]
const restrict = (files: string, patterns: object[]) => ({
  files: [files],
  rules: { 'no-restricted-imports': ['error', { patterns }] as ['error', object] },
})

export default defineConfig({
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'node', 'promise', 'vitest'],
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['data', 'coverage'],
  rules: {
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'typescript/await-thenable': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'import/no-named-as-default': 'off',
    'import/no-named-as-default-member': 'off',
    'typescript/no-unsafe-type-assertion': 'off',
    'typescript/unbound-method': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'vitest/expect-expect': 'off',
  },
  // Of several overrides for one file the last wins, so each names everything that its room must not import.
  overrides: [
    { files: ['src/**'], rules: { 'node/no-process-env': 'error' } },
    {
      files: [
        'src/config/config.ts',
        'src/cli/main.ts',
        'src/sandbox/demo/main.ts',
        'src/sandbox/simulator/main.ts',
      ],
      rules: { 'node/no-process-env': 'off' },
    },
    ...rooms.flatMap((name) => [
      restrict(`src/${name}.ts`, forbidden(name, '\\./')),
      restrict(`src/${name}/**`, forbidden(name, '(\\.\\./)+')),
    ]),
    restrict('src/cli/session.ts', forbidden('cli', '(\\.\\./)+', ['rp'])),
  ],
})
