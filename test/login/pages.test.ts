import { describe, expect, test } from 'vitest'
import { errorTable, isForCitizens } from '../../src/errors.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { pageHeaders } from '../../src/pages/csp.ts'
import { errorPage } from '../../src/pages/error.ts'
import { html, raw, webAddress } from '../../src/pages/html.ts'
import { chooseLocale, locales, sentences } from '../../src/pages/locale.ts'
import { leftPortalPage, loggedOutPage } from '../../src/pages/logged-out.ts'
import { logoutPage } from '../../src/pages/logout.ts'
import { noticePage } from '../../src/pages/notice.ts'
import { everyPage, frame, portalName, reference, returnUrl, views } from '../support/login/page-samples.ts'

const codes = (Object.keys(errorTable) as ErrorCode[]).filter(isForCitizens)

describe('the sentences', () => {
  test.each(codes)(
    'the error %s has a sentence in both languages, and its page shows code, reference and hotline',
    (code) => {
      for (const locale of locales) {
        const { title, text } = sentences[locale].errors[code]
        expect(title).toMatch(/\S.*[^.\s]$/)
        expect(text).toMatch(/\S.*\.$/)
        const page = errorPage({ ...frame(locale), code, reference })
        for (const part of [html`${title}`, html`${text}`, code, reference, '1900.0368', 'tel:19000368'])
          expect(page).toContain(String(part))
      }
    },
  )

  test('both languages have every sentence, none is empty, and all spell VNeID correctly', () => {
    const [vi, en] = [flatten(sentences.vi), flatten(sentences.en)]
    expect([...en.keys()]).toEqual([...vi.keys()])
    for (const sentence of [...vi.values(), ...en.values()]) {
      expect(sentence.trim()).not.toBe('')
      expect(sentence).toBe(sentence.normalize('NFC'))
      for (const name of sentence.match(/vneid/gi) ?? []) expect(name).toBe('VNeID')
    }
  })

  test('a Vietnamese error addresses the reader as Ông/Bà', () => {
    for (const code of codes) expect(sentences.vi.errors[code].text).toContain('Ông/Bà')
  })

  test.each(everyPage)(
    'the $locale $name page declares its language, has no script and loads nothing',
    ({ locale, view }) => {
      const page = view.render(locale)
      expect(page).toMatch(new RegExp(`^<!doctype html>\\n<html lang="${locale}">`))
      expect(page).not.toMatch(/<script|\sstyle=|\son\w+=|javascript:|<img|@import|url\(/i)
      expect(page.match(/<h1>/g)).toHaveLength(1)
      expect(page).not.toMatch(/undefined|\[object|false|null/)
      expect(Buffer.byteLength(page)).toBeLessThan(10_000)
    },
  )

  test('a page offers the other language only if a GET can show it again', () => {
    const page = loggedOutPage({ locale: 'vi', hotline: '1', switchUrl: '/x?a=1&lang=en' })
    expect(page).toContain('<a class="switch" href="/x?a=1&amp;lang=en" lang="en" hreflang="en">English</a>')
    expect(loggedOutPage({ locale: 'vi', hotline: '1' })).not.toContain('hreflang')
  })

  test('a scope without a sentence is shown by its name, never hidden', () => {
    for (const scope of ['land_registry', 'constructor']) {
      const page = noticePage({
        ...frame('vi'),
        portalName,
        scopes: [scope],
        startUrl: '/s',
        cancelUrl: '/c',
      })
      expect(page).toContain(`<li>${scope}</li>`)
    }
  })

  test('the logout page ends the whole session only by its own button', () => {
    const page = views['logout']!.render('vi')
    expect(page).toContain('<form method="post" action="/confirm">')
    expect(page).toContain('<input type="hidden" name="xsrf" value="x&quot;1">')
    expect(page.match(/<button[^>]*name="logout" value="yes"[^>]*>/g)).toHaveLength(1)
    expect(page).toContain('<button class="button plain">Chỉ rời cổng này</button>')
    expect(views['logout-no-portal']!.render('vi').match(/<button/g)).toHaveLength(1)
  })
})

describe('text from a portal', () => {
  // The last one begins with a combining mark. Normalising the whole page would merge it with the tag before it.
  const hostile = [
    '<script>alert(1)</script>',
    `"'><img src=x onerror=alert(1)>`,
    '`${1}` & &lt;',
    '\u0338Co\u0302\u0309ng',
  ]

  test.each(hostile)('the portal name %j is shown as text', (name) => {
    const escaped = String(html`${name}`)
    expect(escaped).not.toMatch(/[<>"'`]/)
    expect(escaped).toContain(name.match(/\u0338.*/)?.[0] ?? '')
    for (const page of [
      noticePage({ ...frame('vi'), portalName: name, scopes: [name], startUrl: name, cancelUrl: name }),
      errorPage({ ...frame('vi'), code: 'server_error', reference: name, returnUrl, portalName: name }),
      logoutPage({ ...frame('vi'), formAction: name, xsrf: name, portalName: name }),
      leftPortalPage({ ...frame('vi'), returnUrl, logoutUrl: name, portalName: name }),
    ]) {
      expect(page).toContain(escaped)
      expect(page).not.toMatch(/<script|<img|"'>|`/)
    }
  })

  test.each([
    'javascript:alert(1)',
    'data:text/html,x',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    ' javascript:x',
    'portal',
    '',
  ])('the return URL %j is not rendered as a link', (address) => {
    expect(webAddress(address)).toBeUndefined()
    const page = errorPage({
      ...frame('vi'),
      switchUrl: address,
      code: 'server_error',
      reference,
      returnUrl: address,
    })
    expect(page).not.toContain('class="button"')
    expect(page).not.toContain('hreflang')
  })

  test('templates can be nested, lists are joined, absent parts print nothing', () => {
    const list = ['a', '<b>'].map((item) => html`<li>${item}</li>`)
    expect(String(html`<ul>${list}</ul>${false}${null}${undefined}${0}${raw('<hr>')}`)).toBe(
      '<ul><li>a</li><li>&lt;b&gt;</li></ul>0<hr>',
    )
  })
})

describe('the language of a page', () => {
  test.each([
    [{}, 'vi'],
    [{ uiLocales: 'en' }, 'en'],
    [{ uiLocales: 'fr en-GB vi' }, 'en'],
    [{ uiLocales: 'vi-VN en' }, 'vi'],
    [{ uiLocales: 'EN-us', cookie: 'vi', acceptLanguage: 'vi' }, 'en'],
    [{ uiLocales: 'fr', cookie: 'en' }, 'en'],
    [{ uiLocales: 'fr zh' }, 'vi'],
    [{ uiLocales: 'english' }, 'vi'],
    [{ cookie: 'en', acceptLanguage: 'vi' }, 'en'],
    [{ cookie: 'vi', acceptLanguage: 'en' }, 'vi'],
    [{ cookie: '<script>', acceptLanguage: 'en' }, 'en'],
    [{ acceptLanguage: 'en-US,en;q=0.9' }, 'en'],
    [{ acceptLanguage: 'en-US,en;q=0.9,vi;q=0.8' }, 'vi'],
    [{ acceptLanguage: 'en;q=0.9, vi;q=0' }, 'en'],
    [{ acceptLanguage: 'en;q=0' }, 'vi'],
    [{ acceptLanguage: 'fr-FR,fr;q=0.9' }, 'vi'],
    [{ acceptLanguage: '*' }, 'vi'],
    [{ acceptLanguage: ',;q=,;;' }, 'vi'],
  ] as const)('%j gives %s', (wish, locale) => {
    expect(chooseLocale(wish)).toBe(locale)
  })
})

describe('the Content-Security-Policy', () => {
  test('allows only our own style sheet, by its hash, and forbids framing', () => {
    const policy = pageHeaders()['content-security-policy']
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; /)
    for (const part of ["base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'"])
      expect(policy).toContain(part)
    expect(policy).not.toMatch(/unsafe|script-src|\*/)
    expect(pageHeaders({ form: true })['content-security-policy']).not.toContain('form-action')
    expect(pageHeaders()['cache-control']).toBe('no-store')
  })
})

/** Every sentence by its path. A sentence that takes a name gets one. */
function flatten(node: unknown, path = ''): Map<string, string> {
  if (typeof node === 'string') return new Map([[path, node]])
  if (typeof node === 'function') return flatten(node('VNeID'), path)
  return new Map(
    Object.entries(node as object).flatMap(([key, value]) => [...flatten(value, `${path}.${key}`)]),
  )
}
