/** What the run leaves for the search at its end (`leaks.ts`): logs, traces, the admin API's answers, metrics, dumps, and the secrets that were out. */
import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    leakFolder: string
  }
}

/** @returns a function that appends to a file of this kind, of which every caller has its own */
export function openRecord(
  kind: 'log' | 'answers' | 'metrics' | 'rows' | 'redis' | 'secrets' | 'persons',
): (text: string) => void {
  const file = join(inject('leakFolder'), `${kind}-${randomBytes(6).toString('hex')}`)
  return (text) => appendFileSync(file, text)
}

let append: ((text: string) => void) | undefined
const seen = new Set<string>()

/** Shorter ones are no secrets but the made-up values of a test. */
const shortest = 16

/** A JWT is recorded by its parts: each of them would be too much, but for the header, which is the same everywhere. */
export function recordSecrets(values: Iterable<string | null | undefined>): void {
  for (const value of values) {
    for (const part of /^eyJ[\w-]+\./.test(value ?? '') ? value!.split('.').slice(1) : [value ?? '']) {
      if (part.length < shortest || seen.has(part)) continue
      seen.add(part)
      append ??= openRecord('secrets')
      append(`${part}\n`)
    }
  }
}

let appendPerson: ((text: string) => void) | undefined
const persons = new Set<string>()
/** Of one test file: it is enough to know that each way in and out is tight. */
const mostPersons = 1_000

/** What portals told of the owners of legacy accounts, by the columns' English names. */
export function recordPersons(rows: Iterable<Readonly<Record<string, unknown>>>): void {
  for (const { citizen_id: number, cmnd, name, birth_date: birthDate } of rows) {
    const line = JSON.stringify({ number, cmnd, name, birthDate })
    if (persons.size >= mostPersons || persons.has(line)) continue
    persons.add(line)
    appendPerson ??= openRecord('persons')
    appendPerson(`${line}\n`)
  }
}
