import { defineConfig } from 'oxlint'

/** What only one room may import. */
const sql = {
  regex: '^(pg|pg-copy-streams|ioredis|@electric-sql/pglite)$',
  message: 'SQL and Redis live in store/ only.',
}
const engine = {
  regex: '^oidc-provider$',
  message: 'oidc/ alone constructs the provider.',
  allowTypeImports: true,
}
const rp = { regex: '^openid-client$', message: 'upstream/ alone calls VNeID.' }
const config = { regex: '/config/config\\.ts$', message: 'Config as a type only.', allowTypeImports: true }
const api = { regex: '^\\.\\./admin/', message: 'The API by its types only.', allowTypeImports: true }
/** A room does not know what stands above it (docs/architecture.md). */
const above = (...rooms: string[]) => ({
  regex: `^\\.\\./((main|cli|app)\\.ts$|(${rooms.join('|')})/)`,
  message: `This room imports none of main, cli, app, ${rooms.join(', ')}.`,
})
const faces = ['admin', 'portals', 'login', 'sandbox', 'http']

const forbidden: Record<string, object[]> = {
  'src/**': [sql, engine, rp],
  'src/{app,audit}.ts': [
    sql,
    engine,
    rp,
    config,
    { regex: '^\\./(main|cli)\\.ts$', message: 'main, cli → app.' },
  ],
  'src/{errors,error-table,error-table-api,citizen-id,repeat}.ts': [
    sql,
    engine,
    rp,
    {
      regex: '^\\.\\.?/((?!config/|crypto/|net/|telemetry/).+/|(main|cli|app|audit)\\.ts$)',
      message: 'Every room stands on this file.',
    },
  ],
  'src/{admin,portals,login,http}/**': [sql, engine, rp, config, above('sandbox')],
  'src/sandbox/**': [sql, engine, config],
  'src/sandbox/{demo/main,simulator/main}.ts': [sql, engine],
  'src/oidc/**': [sql, rp, config, above(...faces, 'ring')],
  'src/upstream/**': [sql, engine, config, above(...faces, 'oidc', 'mapping', 'ring', 'pages', 'store')],
  'src/mapping/**': [
    sql,
    engine,
    rp,
    config,
    above(...faces, 'oidc', 'ring', 'pages'),
    { regex: '^\\.\\./upstream/', message: 'An identity by its type only.', allowTypeImports: true },
  ],
  'src/ring/**': [sql, engine, rp, config, above(...faces, 'oidc', 'upstream', 'pages')],
  'src/pages/**': [sql, engine, rp, config, above(...faces, 'oidc', 'upstream', 'mapping', 'ring', 'store')],
  'src/cli/**': [sql, engine, rp, api],
  // The operators' own sign-in is a relying party of ours.
  'src/cli/session.ts': [sql, engine, api],
  'src/operators/**': [sql, engine, rp, config, above(...faces, 'oidc', 'upstream', 'ring', 'pages')],
  'src/proof/**': [sql, engine, rp, config, above(...faces, 'oidc', 'upstream', 'mapping', 'ring', 'pages')],
  'src/store/**': [
    engine,
    rp,
    config,
    above(...faces, 'oidc', 'upstream', 'mapping', 'ring', 'proof', 'pages'),
  ],
}

export default defineConfig({
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: 'error' },
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'node', 'promise', 'vitest'],
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['data', 'coverage'],
  rules: {
    'import/no-cycle': 'error',
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
  // Of several overrides for one file the last wins, so each names all that its room must not import.
  overrides: [
    { files: ['src/**'], rules: { 'node/no-process-env': 'error' } },
    {
      files: ['src/config/config.ts', 'src/sandbox/demo/main.ts', 'src/sandbox/simulator/main.ts'],
      rules: { 'node/no-process-env': 'off' },
    },
    ...Object.entries(forbidden).map(([files, patterns]) => ({
      files: [files],
      rules: { 'no-restricted-imports': ['error', { patterns }] as ['error', object] },
    })),
  ],
})
