/** Every page in a real Chromium: layout, touch targets, content security policy, accessibility. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { AxeResults, RunOptions } from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pageHeaders } from '../../src/pages/csp.ts'
import type { Locale } from '../../src/pages/locale.ts'
import { executablePath, launchChromium, missing } from '../support/login/chromium.ts'
import { everyPage, views } from '../support/login/page-samples.ts'

/** A folder for screenshots, to be viewed by a person. */
const shots = process.env['SHOTS']

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** The rules of axe that depend on colours or on the window's size; the others depend only on the document. */
const visual = ['color-contrast', 'link-in-text-block', 'scrollable-region-focusable']
const renderings = [
  { width: 320, colorScheme: 'light', run: {} },
  { width: 1280, colorScheme: 'light', run: { runOnly: visual } },
  { width: 320, colorScheme: 'dark', run: { runOnly: visual } },
] as const

/** Runs in the page: finds elements that are wider than the window or too small to tap. */
const measure = `({
  width: innerWidth,
  overflow: Math.max(0, document.documentElement.scrollWidth - innerWidth),
  small: [...document.querySelectorAll('a, button')]
    .filter((target) => target.getBoundingClientRect().height < 44)
    .map((target) => target.innerText),
  radius: getComputedStyle(document.querySelector('article')).borderRadius,
})`

describe.skipIf(missing)(
  `in a real Chromium (${missing ? `skipped: no ${executablePath}` : executablePath})`,
  () => {
    let server: Server
    let elsewhere: Server
    let browser: Browser
    let origin: string
    /** One page for all visits of a citizen's browser, and one in which axe may run. */
    let strict: Visited
    let audited: Visited

    beforeAll(async () => {
      elsewhere = createServer((_, res) => res.end('portal'))
      server = createServer((req, res) => {
        const [, name = '', locale = 'vi'] = (req.url ?? '').split('/')
        if (req.method === 'POST') return res.writeHead(303, { location: originOf(elsewhere) }).end()
        const view = views[name]
        if (!view) return res.writeHead(404).end()
        return res
          .writeHead(200, pageHeaders({ form: view.form ?? false }))
          .end(view.render(locale as Locale))
      })
      for (const each of [server, elsewhere])
        await new Promise<void>((done) => each.listen(0, '127.0.0.1', done))
      origin = originOf(server)
      browser = await launchChromium()
      strict = await openPage(browser)
      audited = await openPage(browser, { bypassCSP: true })
    }, 60_000)

    afterAll(async () => {
      await browser?.close()
      server?.close()
      elsewhere?.close()
    })

    test.each(everyPage)(
      'the $locale $name page fits 320 and 1280 px, is easy to tap and breaks no rule of its CSP',
      async ({ name, locale }) => {
        const page = await strict.open(`${origin}/${name}/${locale}`)
        for (const width of [320, 1280]) {
          await page.setViewportSize({ width, height: 640 })
          expect(await page.evaluate(measure)).toEqual({ width, overflow: 0, small: [], radius: '12px' })
          if (shots)
            await page.screenshot({ path: `${shots}/${name}-${locale}-${width}.png`, fullPage: true })
        }
        expect(strict.faults).toEqual([])
        expect(strict.requests.filter((url) => !url.startsWith('data:'))).toHaveLength(1)
      },
    )

    test.each(everyPage)(
      'axe finds no fault on the $locale $name page, small or wide, light or dark',
      async ({ name, locale }) => {
        const page = await audited.open(`${origin}/${name}/${locale}`)
        await page.evaluate(axe)
        for (const { width, colorScheme, run } of renderings) {
          await page.setViewportSize({ width, height: 640 })
          await page.emulateMedia({ colorScheme })
          expect({ width, colorScheme, found: await violations(page, run) }).toEqual({
            width,
            colorScheme,
            found: [],
          })
        }
        if (shots) await page.screenshot({ path: `${shots}/${name}-${locale}-dark.png`, fullPage: true })
      },
    )

    test('without scripts, a form of ours may end in a redirect to another host', async () => {
      const visited = await openPage(browser, { javaScriptEnabled: false })
      const page = await visited.open(`${origin}/logout/vi`)
      await page.getByRole('button', { name: 'Đăng xuất khỏi tất cả' }).click()
      await page.waitForURL(`${originOf(elsewhere)}/`)
      expect(visited.faults).toEqual([])
    })

    test('the first Tab reaches the language switch and shows where it is', async () => {
      const page = await strict.open(`${origin}/notice/vi`)
      await page.keyboard.press('Tab')
      const focused = await page.evaluate(
        '[document.activeElement.className, getComputedStyle(document.activeElement).outlineStyle]',
      )
      expect(focused).toEqual(['switch', 'solid'])
    })
  },
)

interface Visited {
  /** Of the last visit. */
  readonly faults: string[]
  readonly requests: string[]
  open(url: string): Promise<Page>
}

/** A page in a separate context, for consecutive visits. */
async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Visited> {
  const context = await browser.newContext({ ...options, viewport: { width: 320, height: 640 } })
  const page = await context.newPage()
  const faults: string[] = []
  const requests: string[] = []
  page.on('console', (message) => faults.push(message.text()))
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => requests.push(request.url()))
  return {
    faults,
    requests,
    async open(url) {
      faults.length = 0
      requests.length = 0
      await page.goto(url)
      return page
    },
  }
}

/** What axe finds in the page as it is rendered now; `axe` must have been evaluated in it. */
async function violations(page: Page, run: RunOptions): Promise<[string, string[]][]> {
  const options = JSON.stringify({ ...run, resultTypes: ['violations'] })
  const result = (await page.evaluate(`axe.run(${options})`)) as AxeResults
  return result.violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
