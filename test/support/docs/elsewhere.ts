/** Printed commands that another test runs, and those that no test can run. */

/** Command → the test that runs it, and words that this test contains. */
export const runElsewhere: Readonly<Record<string, readonly [test: string, words: string]>> = {
  'npm ci && npm run demo': ['test/docs/demo.slow.test.ts', 'src/sandbox/demo/main.ts'],
  'npm run demo': ['test/docs/demo.slow.test.ts', 'src/sandbox/demo/main.ts'],
  'node portal.mjs': ['test/docs/integrate.test.ts', 'portal of the integration guide'],
  'npm start': ['test/docs/first-day.slow.test.ts', 'startBroker('],
  'npm run bench': ['test/operation/bench.slow.test.ts', 'test/bench/logins.ts'],
  'npm run bench:hostile': ['test/operation/bench.slow.test.ts', 'test/bench/hostile.ts'],
  'npm run bench:import': ['test/operation/bench.slow.test.ts', 'test/bench/import.ts'],
  'npm run bench:mapping': ['test/operation/bench.slow.test.ts', 'test/bench/mapping.ts'],
  'npm run bench:audit': ['test/operation/bench.slow.test.ts', 'test/bench/audit.ts'],
  'npm run docs:audit': ['test/audit/vocabulary.test.ts', 'auditDocument()'],
  'npm run docs:errors': ['test/operation/errors.test.ts', 'errorDocument()'],
  'npm run schema': ['test/stores/migrate.slow.test.ts', 'schemaSnapshot()'],
  'npm run licences': ['test/docs/licences.slow.test.ts', 'sbom'],
  '.ci/previous-tests': ['test/stores/previous-tests.test.ts', 'previous-tests'],
}

/** Command → why no test can run it. Only its form is checked: scripts, files and options exist. */
export const notRunHere: Readonly<Record<string, string>> = {
  'npm ci && npm test': 'this run itself: .ci/run takes the command from the README',
  'npm test': 'this run itself',
  'npm run test:fast': 'a test run within a test run',
  'npx vitest run test/FOLDER/NAME.test.ts': 'a test run within a test run',
  'npx vitest run test/mapping/links.test.ts': 'a test run within a test run',
  "npx vitest run test/mapping/links.test.ts -t 'one account'": 'a test run within a test run',
  '.ci/run': 'it runs this suite',
  'npm run check': 'it checks the whole project for a minute; .ci/run runs it',
  '.ci/promises COMMIT': 'it loads every test file of two commits, which takes minutes',
  'npm run advisories': 'it asks the registry of npm on the internet',
  'chronyc tracking': 'it needs the time service of a real machine',
  'chronyc makestep': 'it sets the clock of the machine',
  timedatectl: 'it needs systemd',
  'KEY_COMMAND=/usr/bin/pkcs11-tool --module /usr/lib/your-hsm.so --login --pin env:HSM_PIN --id 01 --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA256 --mgf MGF1-SHA256':
    'it needs a real HSM',
}
