/** The real browser of the page tests: its path, whether it is required, and how it is started. */
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

export const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const required = Boolean(process.env['CI'] ?? process.env['REQUIRE_CHROMIUM'])
/** Whether the browser tests are skipped, which is never the case if it is required. */
export const missing = !existsSync(executablePath) && !required

/** Starts Chromium without background services, whose connections fail on a machine without network. */
export const launchChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: [
      '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking',
      '--disable-component-update --disable-sync',
    ].flatMap((line) => line.split(' ')),
  })
