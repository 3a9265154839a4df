/**
 * Searches for data that must never appear in clear text: the sandbox's citizens, and every secret that the test run
 * recorded (`record.ts`). A finding names the place and the kind, never the value.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { citizens } from '../../src/sandbox/citizens.ts'

export interface Needle {
  readonly kind: string
  readonly text: string
  /** Matches only if no letter, digit, dot or dash is next to it, because short digit sequences occur by chance. */
  readonly alone?: boolean
}

/** Numbers, names and full birth dates, in every encoding that a log, a dump or a URL may use. */
export function citizenNeedles(): Needle[] {
  return citizens.flatMap(({ key, number, name, birthDate = '' }) => {
    const names = [name.normalize('NFC'), name.normalize('NFD')]
    const compact = birthDate.replaceAll('-', '')
    const of = (kind: string, texts: readonly string[]) =>
      [...new Set(texts)].map((text) => ({ kind: `the ${kind} of ${key}`, text }))
    return [
      ...of('number', [number, ...disguises(number)]),
      ...of(
        'name',
        names.flatMap((form) => [form, ...disguises(form), ...disguises(form.toUpperCase())]),
      ),
      // A birth year alone is not searched for: any four digits may be a year.
      ...(birthDate.length < 10
        ? []
        : [
            ...[birthDate, compact].map((text) => ({ kind: `the birth date of ${key}`, text, alone: true })),
            ...of('birth date', [birthDate, compact].flatMap(disguises)),
          ]),
    ]
  })
}

interface Person {
  readonly number?: string
  readonly cmnd?: string
  readonly name?: string
  readonly birthDate?: string
}

/** The made-up owners of legacy accounts in tests. */
function personNeedles(persons: readonly Person[]): Needle[] {
  const distinct = (field: keyof Person, form: RegExp) => [
    ...new Set(persons.map((person) => person[field] ?? '').filter((text) => form.test(text))),
  ]
  const alone = (kind: string) => (text: string) => ({ kind, text, alone: true })
  const disguised = (kind: string) => (text: string) => disguises(text).map((form) => ({ kind, text: form }))
  const number = "the number of a legacy account's owner"
  const cmnd = "the CMND of a legacy account's owner"
  const name = "the name of a legacy account's owner"
  const numbers = distinct('number', /^\d{12}$/)
  const cmnds = distinct('cmnd', /^\d{9}$/)
  const names = distinct('name', /^.{8,}$/).flatMap((text) => [text.normalize('NFC'), text.normalize('NFD')])
  return [
    ...numbers.map(alone(number)),
    ...numbers.flatMap(disguised(number)),
    ...cmnds.map(alone(cmnd)),
    ...cmnds.flatMap(disguised(cmnd)),
    ...names.map((text) => ({ kind: name, text })),
    ...names.flatMap(disguised(name)),
    ...distinct('birthDate', /^\d{4}-\d\d-\d\d$/).map(alone("the birth date of a legacy account's owner")),
  ]
}

const secretNeedles = (secrets: Iterable<string>): Needle[] =>
  [...new Set(secrets)].flatMap((secret) =>
    [secret, Buffer.from(secret).toString('hex'), encodeURIComponent(secret)].map((text) => ({
      kind: 'a secret',
      text,
    })),
  )

/** Encodings of the text: JSON escapes, URL, hexadecimal (as in dumps), and base64 at each alignment. */
function disguises(text: string): string[] {
  const escaped = text.replaceAll(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  const url = encodeURIComponent(text)
  const base64 = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(text)]).toString('base64')
    // Without the characters that also depend on neighbouring bytes.
    return encoded.slice(
      Math.ceil((offset * 8) / 6),
      Math.floor(((offset + Buffer.byteLength(text)) * 8) / 6),
    )
  })
  const forms = [escaped, url, url.replaceAll('%20', '+'), Buffer.from(text).toString('hex'), ...base64]
  const inUrls = base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))
  return [...forms, ...inUrls].filter((form) => form !== text)
}

const width = 8
const slots = 1 << 22

/** @returns a case-insensitive search for all needles in one pass */
export function createSearch(needles: readonly Needle[]): (text: string) => string[] {
  const byHead = new Map<number, { bytes: Buffer; needle: Needle }[]>()
  const filter = new Uint8Array(slots)
  for (const needle of needles) {
    const bytes = Buffer.from(needle.text.toLowerCase())
    if (bytes.length < width)
      throw new Error(`must be at least ${width} bytes to be searched for: ${needle.kind}`)
    const head = headAt(bytes, 0)
    byHead.set(head, [...(byHead.get(head) ?? []), { bytes, needle }])
    filter[head & (slots - 1)] = 1
  }
  return (text) => {
    const found = new Set<string>()
    // A dump doubles the backslash of an escape.
    const bytes = Buffer.from(text.toLowerCase().replaceAll('\\\\', '\\'))
    for (let at = 0; at + width <= bytes.length; at++) {
      const head = headAt(bytes, at)
      if (filter[head & (slots - 1)] === 0) continue
      for (const { bytes: wanted, needle } of byHead.get(head) ?? []) {
        const end = at + wanted.length
        if (bytes.compare(wanted, 0, wanted.length, at, Math.min(end, bytes.length)) !== 0) continue
        if (needle.alone && (touches(bytes[at - 1]) || touches(bytes[end]))) continue
        found.add(needle.kind)
      }
    }
    return [...found]
  }
}

/** A hash of the eight bytes at `at`. */
const headAt = (bytes: Buffer, at: number): number =>
  (Math.imul(word(bytes, at), 0x9e3779b1) ^ Math.imul(word(bytes, at + 4), 0x85ebca6b)) >>> 0
const word = (bytes: Buffer, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
const touches = (byte: number | undefined): boolean =>
  byte !== undefined && /[\w.-]/.test(String.fromCharCode(byte))

/** Searches the files of a run's folder; the files `secrets-…` and `persons-…` list further values to search for. */
export function searchFolder(folder: string): { findings: string[]; files: string[]; secrets: number } {
  const names = readdirSync(folder)
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  const linesOf = (kind: string) =>
    names
      .filter((file) => file.startsWith(kind))
      .flatMap((file) => read(file).split('\n'))
      .filter((line) => line !== '')
  const secrets = linesOf('secrets-')
  const persons = linesOf('persons-').map((line) => JSON.parse(line) as Person)
  const needles = [...citizenNeedles(), ...personNeedles(persons), ...secretNeedles(secrets)]
  const everything = createSearch(needles)
  // Answers to officers may contain names and birth dates of a case, but never a number or a secret.
  const unshown = createSearch(needles.filter(({ kind }) => !/name|birth date/.test(kind)))
  const files = names.filter((file) => !/^(secrets|persons)-/.test(file))
  const findings = files.flatMap((file) => {
    const search = file.startsWith('answers-') ? unshown : everything
    return search(read(file)).map((kind) => `${file}: ${kind}`)
  })
  return { findings, files, secrets: secrets.length }
}
