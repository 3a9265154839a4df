import { defineConfig } from 'vitest/config'

/** `TEST_REPORT` names a file for the JSON report that `.ci/run` counts from. */
const report = process.env.TEST_REPORT

/**
 * Two lanes. `fast` answers a developer (`npm run test:fast`). `slow` is for tests that must kill processes, start
 * servers of their own, drive a browser or import large files: their files are called `*.slow.test.ts`.
 */
export default defineConfig({
  test: {
    globalSetup: 'test/support/servers.ts',
    pool: 'forks',
    maxWorkers: 2,
    // The stores are dumped and searched before they end.
    teardownTimeout: 180_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      { extends: true, test: { ...lane('fast'), exclude: ['test/**/*.slow.test.ts'] } },
      { extends: true, test: { ...lane('slow'), include: ['test/**/*.slow.test.ts'] } },
    ],
  },
})

function lane(name: string) {
  return {
    name,
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/tap.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  }
}
