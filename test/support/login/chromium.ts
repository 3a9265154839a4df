/** The real browser of the page tests: where it is, whether it may be missing, how it is started. */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

export const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const required = Boolean(process.env['CI'] ?? process.env['REQUIRE_CHROMIUM'])
/** Then the tests are skipped by name; never where it is required. */
export const missing = !existsSync(executablePath) && !required

/** Without the background services: a machine without network would refuse their connections by the dozen. */
export const launchChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: [
      '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking',
      '--disable-component-update --disable-sync',
    ].flatMap((line) => line.split(' ')),
  })
