import { en } from './en.ts'
import { vi } from './vi.ts'
import type { Sentences } from './vi.ts'

export const locales = ['vi', 'en'] as const
export type Locale = (typeof locales)[number]

export const sentences: Readonly<Record<Locale, Sentences>> = { vi, en }

/**
 * The first supported language of, in this order: the portal's request (`ui_locales`, OIDC Core §3.1.2.1), the citizen's
 * choice (cookie), the browser. The default is Vietnamese. A browser that lists Vietnamese anywhere gets Vietnamese,
 * because shared PCs often keep the English of their installation.
 */
export function chooseLocale(wish: {
  uiLocales?: string | undefined
  cookie?: string | undefined
  acceptLanguage?: string | undefined
}): Locale {
  const asked = wish.uiLocales?.split(' ').map(localeOf).find(isKnown)
  return asked ?? localeOf(wish.cookie ?? '') ?? accepted(wish.acceptLanguage ?? '')
}

function accepted(header: string): Locale {
  const ranges = header.split(',').filter((range) => !/;\s*q=0(\.0*)?\s*$/i.test(range))
  const known = new Set(ranges.map((range) => localeOf(range.split(';')[0] ?? '')))
  return known.has('en') && !known.has('vi') ? 'en' : 'vi'
}

/** BCP 47: `vi`, `vi-VN`, `EN-us`; the primary subtag decides. */
function localeOf(tag: string): Locale | undefined {
  const primary = tag.trim().toLowerCase().split('-')[0]
  return locales.find((locale) => locale === primary)
}

function isKnown(locale: Locale | undefined): boolean {
  return locale !== undefined
}
