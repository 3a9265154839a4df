import { defineConfig } from 'vitest/config'

/** `TEST_REPORT` names a file for the JSON report that `.ci/run` counts from. */
const report = process.env.TEST_REPORT

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/support/servers.ts',
    setupFiles: ['test/support/tap.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // The stores are dumped and searched before they end.
    teardownTimeout: 180_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
})
