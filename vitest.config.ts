import { defineConfig } from 'vitest/config'

/** `TEST_REPORT` names a file for the JSON report that `.ci/run` counts from. */
const report = process.env.TEST_REPORT

const lane = {
  pool: 'forks',
  include: ['test/**/*.test.ts'],
  setupFiles: ['test/support/tap.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
} as const

/**
 * Two lanes. `fast` answers a developer (`npm run test:fast`); its files share their processes, so a file must close what
 * it opens. `slow` is for tests that must kill processes, start servers of their own, drive a browser or import large
 * files: their files are called `*.slow.test.ts`.
 */
export default defineConfig({
  test: {
    // Here and not in the lanes: the servers are started once.
    globalSetup: 'test/support/servers.ts',
    maxWorkers: 2,
    // The stores are dumped and searched before they end.
    teardownTimeout: 180_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      { test: { ...lane, name: 'fast', exclude: ['test/**/*.slow.test.ts'], isolate: false } },
      { test: { ...lane, name: 'slow', include: ['test/**/*.slow.test.ts'] } },
    ],
  },
})
