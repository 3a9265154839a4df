/** Prints the demo: text, aligned lines, and sentences that are checked before they are printed. */
import { styleText } from 'node:util'
import type { Step } from '../visitor.ts'

/** A sentence of the script is not true; the message is the sentence. */
export class NotHeld extends Error {}

export interface Teller {
  scene(title: string): void
  prose(text: string): void
  /** Aligned names and values. */
  facts(facts: Readonly<Record<string, unknown>>): void
  table(rows: readonly (readonly string[])[]): void
  /** Lines that are already aligned; a line that is too long is wrapped. */
  text(lines: string): void
  /** One request of the visitor's browser: server, path, status and redirect. */
  hop(step: Step): void
  /** Prints the sentence. @throws NotHeld if it is not true */
  held(sentence: string, truth: boolean): void
}

const width = 100
const quiet = (text: string) => styleText('dim', text)

/** @param places names of the origins */
export function createTeller(write: (line: string) => void, places: ReadonlyMap<string, string>): Teller {
  const longest = Math.max(...[...places.values()].map((name) => name.length))
  const place = (url: URL) => places.get(url.origin) ?? url.origin
  const say = (line = '', indent = 3) => write(line === '' ? '' : ' '.repeat(indent) + line)
  let scenes = 0
  /** The query parameters of each URL are printed only once. */
  const carriedBefore = new Set<string>()

  return {
    scene(title) {
      scenes += 1
      say()
      for (const [index, line] of wrap(title, width - 3).entries()) {
        say(`${(index === 0 ? String(scenes) : '').padEnd(3)}${styleText('bold', line)}`, 0)
      }
      say()
    },
    prose(text) {
      for (const line of wrap(text, width - 3)) say(line)
    },
    facts(facts) {
      const names = Object.keys(facts)
      const column = Math.max(...names.map((name) => name.length)) + 2
      for (const [name, value] of Object.entries(facts)) {
        const text = typeof value === 'string' ? value : JSON.stringify(value)
        for (const [index, line] of wrap(text, width - 5 - column).entries()) {
          say(`${quiet((index === 0 ? name : '').padEnd(column))}${line}`, 5)
        }
      }
      say()
    },
    table(rows) {
      const cell = (text: string) => text.normalize('NFC')
      const columns = (rows[0] ?? []).map((_, at) =>
        Math.max(...rows.map((row) => cell(row[at] ?? '').length)),
      )
      for (const [index, row] of rows.entries()) {
        const line = row
          .map((text, at) => cell(text).padEnd(columns[at] ?? 0))
          .join('   ')
          .trimEnd()
        say(index === 0 ? quiet(line) : line, 5)
      }
      say()
    },
    text(lines) {
      for (const line of lines.split('\n')) {
        // A row of a table has its columns; the rest is a list.
        for (const part of line.includes('   ') ? [line] : wrap(line, width - 3)) say(part)
      }
    },
    hop({ method, url, status, location }) {
      const from = new URL(url)
      const to = location === undefined ? undefined : new URL(location, url)
      const asked = `${method.padEnd(4)}  ${place(from).padEnd(longest)}  ${short(from.pathname)}`
      say(`${asked.padEnd(longest + 36)}  ${status}${to ? ` → ${place(to)} ${short(to.pathname)}` : ''}`, 5)
      const carried = to === undefined ? '' : [...new Set(to.searchParams.keys())].join(', ')
      const known = `${to?.origin}${to?.pathname} ${carried}`
      if (carried === '' || carriedBefore.has(known)) return
      carriedBefore.add(known)
      for (const line of wrap(`with ${carried}`, width - 13)) say(quiet(line), 13)
    },
    held(sentence, truth) {
      if (!truth) throw new NotHeld(sentence)
      for (const [index, line] of wrap(sentence, width - 5).entries())
        say(`${index === 0 ? '✓' : ' '} ${line}`)
    },
  }
}

/** Shortens the engine's long identifiers in paths. */
const short = (path: string) => path.replaceAll(/[\w-]{21,}(?:\.[\w-]+)*/g, (long) => `${long.slice(0, 6)}…`)

function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.normalize('NFC').split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
