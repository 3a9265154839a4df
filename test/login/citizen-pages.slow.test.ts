/** A citizen on a phone uses the real broker: a real Chromium, 320 px wide, without scripts. */
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import type { AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { executablePath, launchChromium, missing } from '../support/login/chromium.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

/** A folder for screenshots, to be viewed by a person. */
const shots = process.env['SHOTS']
if (shots) mkdirSync(shots, { recursive: true })

describe.skipIf(missing)(
  `by hand in a real Chromium (${missing ? `skipped: no ${executablePath}` : executablePath})`,
  async () => {
    if (missing) return
    const world = await openWorld()
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
    const faults: string[] = []
    let server: Server
    let browser: Browser
    let home: string

    beforeAll(async () => {
      server = createServer((_, response) => response.end('portal'))
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      home = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      await world.register(
        portalDefinition('portal-a', {
          client_name: 'Cổng dịch vụ công Bộ Xây dựng',
          client_uri: `${home}/`,
          redirect_uris: [`${home}/cb`],
          post_logout_redirect_uris: [`${home}/bye`],
          policy: { notice: true },
        }),
      )
      world.simulator.approve(undefined)
      browser = await launchChromium()
    }, 60_000)

    afterAll(async () => {
      await browser?.close()
      server?.close()
      server?.closeAllConnections()
    })

    const portal = () =>
      world.portal({ clientId: 'portal-a', redirectUri: `${home}/cb`, scope: 'openid profile citizen_id' })

    /** Checks that the page fits and breaks no rule of its CSP, and saves a screenshot. */
    async function look(page: Page, name: string) {
      const tooWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
      if (shots) await page.screenshot({ path: `${shots}/live-${name}.png`, fullPage: true })
      expect({ name, tooWide, faults }).toEqual({ name, tooWide: false, faults: [] })
    }
    async function withPage(options: { scripts: boolean }, use: (page: Page) => Promise<void>) {
      const context = await browser.newContext({
        javaScriptEnabled: options.scripts,
        bypassCSP: options.scripts,
        locale: 'vi-VN',
        viewport: { width: 320, height: 640 },
      })
      const page = await context.newPage()
      page.setDefaultTimeout(10_000)
      faults.length = 0
      // A page may have status 400, and Chromium requests a favicon from the simulator.
      page.on('console', (message) => /status of 40[04]/.test(message.text()) || faults.push(message.text()))
      page.on('pageerror', (error) => faults.push(String(error)))
      try {
        await use(page)
      } finally {
        await context.close()
      }
    }
    /** Fills in VNeID's screens. */
    async function passVneid(page: Page, look_: (name: string) => Promise<void>) {
      await page.getByRole('button', { name: /Nguyễn Văn An.*001085999901/ }).click()
      await look_('vneid-consent')
      await page.getByRole('checkbox').check()
      await page.getByRole('button', { name: 'Xác nhận chia sẻ' }).click()
      await look_('vneid-passcode')
      await page.getByRole('textbox').fill('123456')
      await page.getByRole('button', { name: 'Xác nhận' }).click()
    }

    test('a citizen goes through notice, VNeID, portal and logout with buttons and links alone', async () => {
      const at = await portal()
      await withPage({ scripts: false }, async (page) => {
        const seen = (name: string) => look(page, name)
        const begun = await at.begin()
        await page.goto(begun.url)
        await seen('notice-vi')
        await page.getByRole('link', { name: 'English' }).click()
        expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Sign in with VNeID')
        await seen('notice-en')
        await page.getByRole('link', { name: 'Tiếng Việt' }).click()
        await page.getByRole('link', { name: 'Đăng nhập bằng VNeID' }).click()
        await seen('vneid-choose')
        await passVneid(page, seen)
        await page.waitForURL(`${home}/cb?**`)
        const tokens = await at.redeem(page.url(), begun)
        expect(tokens.claims()).toMatchObject({ kind: 'citizen', acr: 'urn:vneid:2' })

        await page.goBack()
        expect(await page.getByRole('heading', { level: 1 }).innerText()).not.toBe('')
        await page.goto(`${world.issuer}/session/end?id_token_hint=${tokens.id_token}`)
        await seen('logout-question')
        await page.getByRole('button', { name: 'Đăng xuất khỏi tất cả' }).click()
        await page.waitForURL(`${world.issuer}/session/end/success`)
        await seen('logged-out')

        await page.goto((await at.begin()).url)
        expect(await page.getByRole('link', { name: 'Đăng nhập bằng VNeID' }).isVisible()).toBe(true)
      })
    }, 60_000)

    test('a logout with a registered address goes through VNeID and ends at the portal', async () => {
      const at = await portal()
      await withPage({ scripts: false }, async (page) => {
        const begun = await at.begin()
        await page.goto(begun.url)
        await page.getByRole('link', { name: 'Đăng nhập bằng VNeID' }).click()
        await passVneid(page, async () => {})
        const tokens = await at.redeem(page.url(), begun)
        const before = world.simulator.requests.logout
        const wish = new URLSearchParams({
          id_token_hint: tokens.id_token!,
          post_logout_redirect_uri: `${home}/bye`,
          state: 's1',
        })
        await page.goto(`${world.issuer}/session/end?${wish.toString()}`)
        await page.getByRole('button', { name: 'Đăng xuất khỏi tất cả' }).click()
        await page.waitForURL(`${home}/bye?state=s1`)
        expect(world.simulator.requests.logout).toBe(before + 1)
        expect(faults).toEqual([])
      })
    }, 60_000)

    test('signing out of one portal says that the session continues, and offers to end it', async () => {
      const at = await portal()
      await withPage({ scripts: false }, async (page) => {
        const begun = await at.begin()
        await page.goto(begun.url)
        await page.getByRole('link', { name: 'Đăng nhập bằng VNeID' }).click()
        await passVneid(page, async () => {})
        const tokens = await at.redeem(page.url(), begun)
        await page.goto(`${world.issuer}/session/end?id_token_hint=${tokens.id_token}`)
        await page.getByRole('button', { name: 'Chỉ rời cổng này' }).click()
        expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Ông/Bà đã rời cổng dịch vụ')
        await look(page, 'left-portal')
        await page.getByRole('link', { name: 'Đăng xuất khỏi tất cả' }).click()
        await look(page, 'logout-question-alone')
        await page.getByRole('button', { name: 'Đăng xuất khỏi tất cả' }).click()
        expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Ông/Bà đã đăng xuất')
      })
    }, 60_000)

    test('axe finds no fault on any page of the sign-in or on an error page', async () => {
      const at = await portal()
      await withPage({ scripts: true }, async (page) => {
        const check = async (name: string) => {
          await page.addScriptTag({ content: axe })
          const { violations } = (await page.evaluate(
            'axe.run({ resultTypes: ["violations"] })',
          )) as AxeResults
          const found = violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])
          expect({ name, found }).toEqual({ name, found: [] })
        }
        const begun = await at.begin()
        await page.goto(begun.url)
        await check('notice')
        const notice = page.url()
        await page.getByRole('link', { name: 'Đăng nhập bằng VNeID' }).click()
        await passVneid(page, async () => {})
        const tokens = await at.redeem(page.url(), begun)
        await page.goto(notice)
        await check('dead end')
        await look(page, 'dead-end')
        expect(
          await page
            .getByRole('link', { name: /Quay lại Cổng dịch vụ công Bộ Xây dựng/ })
            .getAttribute('href'),
        ).toBe(`${home}/`)
        await page.goto(`${world.issuer}/session/end?id_token_hint=${tokens.id_token}`)
        await check('logout question')
        await page.getByRole('button', { name: 'Đăng xuất khỏi tất cả' }).click()
        await check('logged out')
        await page.setViewportSize({ width: 1280, height: 800 })
        await look(page, 'logged-out-wide')
      })
    }, 60_000)
  },
)
