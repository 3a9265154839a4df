import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { AxeResults } from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pageHeaders } from '../../src/pages/csp.ts'
import type { Locale } from '../../src/pages/locale.ts'
import { executablePath, launchChromium, missing } from '../support/login/chromium.ts'
import { everyPage, views } from '../support/login/page-samples.ts'

/** A folder to keep pictures in, for people to look at. */
const shots = process.env['SHOTS']

describe.skipIf(missing)(
  `in a real Chromium (${missing ? `skipped: no ${executablePath}` : executablePath})`,
  () => {
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
    const faults: string[] = []
    let server: Server
    let elsewhere: Server
    let browser: Browser
    let origin: string

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
    }, 60_000)

    afterAll(async () => {
      await browser?.close()
      server?.close()
      elsewhere?.close()
    })

    test.each(everyPage)(
      'the $locale $name page fits 320 and 1280 px, is easy to tap and breaks no rule of its CSP',
      async ({ name, locale }) => {
        await withPage({}, async (page) => {
          const requests: string[] = []
          page.on('request', (request) => requests.push(request.url()))
          await page.goto(`${origin}/${name}/${locale}`)
          for (const width of [320, 1280]) {
            await page.setViewportSize({ width, height: 640 })
            expect(
              await page.evaluate('document.documentElement.scrollWidth - innerWidth'),
            ).toBeLessThanOrEqual(0)
            for (const target of await page.locator('a, button').all()) {
              const box = await target.boundingBox()
              expect({ target: await target.innerText(), tall: (box?.height ?? 0) >= 44 }).toMatchObject({
                tall: true,
              })
            }
            if (shots)
              await page.screenshot({ path: `${shots}/${name}-${locale}-${width}.png`, fullPage: true })
          }
          const styled = await page.evaluate(
            'getComputedStyle(document.querySelector("article")).borderRadius',
          )
          expect(styled).toBe('12px')
          expect(faults).toEqual([])
          expect(requests.filter((url) => !url.startsWith('data:'))).toHaveLength(1)
        })
      },
      30_000,
    )

    test.each(everyPage)(
      'axe finds nothing on the $locale $name page, small or wide, light or dark',
      async ({ name, locale }) => {
        await withPage({ bypassCSP: true }, async (page) => {
          await page.goto(`${origin}/${name}/${locale}`)
          await page.addScriptTag({ content: axe })
          for (const [width, colorScheme] of [
            [320, 'light'],
            [1280, 'light'],
            [320, 'dark'],
          ] as const) {
            await page.setViewportSize({ width, height: 640 })
            await page.emulateMedia({ colorScheme })
            const { violations } = (await page.evaluate(
              'axe.run({ resultTypes: ["violations"] })',
            )) as AxeResults
            expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([])
          }
          if (shots) await page.screenshot({ path: `${shots}/${name}-${locale}-dark.png`, fullPage: true })
        })
      },
      30_000,
    )

    test('without scripts, a form of ours may end in a redirect to another host', async () => {
      await withPage({ javaScriptEnabled: false }, async (page) => {
        await page.goto(`${origin}/logout/vi`)
        await page.getByRole('button', { name: 'Đăng xuất khỏi tất cả' }).click()
        await page.waitForURL(`${originOf(elsewhere)}/`)
        expect(faults).toEqual([])
      })
    })

    test('the first Tab reaches the language switch and shows where it is', async () => {
      await withPage({}, async (page) => {
        await page.goto(`${origin}/notice/vi`)
        await page.keyboard.press('Tab')
        const focused = await page.evaluate(
          '[document.activeElement.className, getComputedStyle(document.activeElement).outlineStyle]',
        )
        expect(focused).toEqual(['switch', 'solid'])
      })
    })

    async function withPage(options: BrowserContextOptions, use: (page: Page) => Promise<void>) {
      const context = await browser.newContext({ ...options, viewport: { width: 320, height: 640 } })
      const page = await context.newPage()
      faults.length = 0
      page.on('console', (message) => faults.push(message.text()))
      page.on('pageerror', (error) => faults.push(String(error)))
      try {
        await use(page)
      } finally {
        await context.close()
      }
    }
  },
)

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
