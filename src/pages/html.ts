// pages/ is what the citizen sees: a pure function per page, no script; vi.ts and en.ts, with vi-errors.ts and en-errors.ts, hold every sentence.

/** Markup that is safe to send: made by `html`, which escapes what it is given, or vouched for by `raw`. */
export class Html {
  readonly #markup: string

  constructor(markup: string) {
    this.#markup = markup
  }

  toString(): string {
    return this.#markup
  }
}

/** What a template accepts; booleans, `null` and `undefined` print nothing, for `condition && html`. */
export type Printable = Html | string | number | bigint | boolean | null | undefined | readonly Printable[]

/** A template whose values are escaped, except nested `Html`; attribute values must stand in quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Printable[]): Html {
  let markup = strings[0] ?? ''
  for (const [index, value] of values.entries()) markup += print(value) + (strings[index + 1] ?? '')
  return new Html(markup)
}

/** Text of ours that is markup already (the style sheet); never anything a portal or a person wrote. */
export function raw(trusted: string): Html {
  return new Html(trusted)
}

/** For an `href` or `action` that comes from data: only web addresses and our own paths; else undefined. */
export function webAddress(address: string | undefined): string | undefined {
  if (address === undefined) return undefined
  // A path of ours; `//host`, `/\host` and (browsers drop tabs) `/<tab>/host` would be another site's address.
  if (/^\/(?![/\\])\P{Cc}*$/u.test(address)) return address
  const protocol = URL.parse(address)?.protocol
  return protocol === 'https:' || protocol === 'http:' ? address : undefined
}

function print(value: Printable): string {
  if (value instanceof Html) return value.toString()
  if (Array.isArray(value)) return value.map(print).join('')
  if (value === null || value === undefined || typeof value === 'boolean') return ''
  return escape(String(value))
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

function escape(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => entities[character] ?? character)
}
