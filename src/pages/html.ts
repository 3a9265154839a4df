// pages/ renders what the citizen sees: one pure function per page, no scripts. vi.ts, en.ts, vi-errors.ts and en-errors.ts hold every sentence.

/** Markup that is safe to send: from `html`, which escapes its values, or from `raw`, whose caller guarantees it. */
export class Html {
  readonly #markup: string

  constructor(markup: string) {
    this.#markup = markup
  }

  toString(): string {
    return this.#markup
  }
}

/** Values that a template accepts. Booleans, `null` and `undefined` print nothing, so that `condition && html` works. */
export type Printable = Html | string | number | bigint | boolean | null | undefined | readonly Printable[]

/** Template tag that escapes every value except nested `Html`. Attribute values must be quoted. */
export function html(strings: TemplateStringsArray, ...values: readonly Printable[]): Html {
  let markup = strings[0] ?? ''
  for (const [index, value] of values.entries()) markup += print(value) + (strings[index + 1] ?? '')
  return new Html(markup)
}

/** Marks our own text as markup (the style sheet). Never use it for text from a portal or a person. */
export function raw(trusted: string): Html {
  return new Html(trusted)
}

/** Checks a URL for `href` or `action`. @returns the URL if it is http(s) or one of our own paths, otherwise undefined */
export function webAddress(address: string | undefined): string | undefined {
  if (address === undefined) return undefined
  // One of our paths. `//host`, `/\host` and `/<tab>/host` (browsers drop tabs) would be URLs of another site.
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
