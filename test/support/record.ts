/** Records the run for the search at its end (`leaks.ts`): logs, traces, admin answers, metrics, dumps, used secrets. */
import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    leakFolder: string
  }
}

/** @returns a function that appends to a file of this kind; every caller gets its own file */
export function openRecord(
  kind: 'log' | 'answers' | 'metrics' | 'rows' | 'redis' | 'secrets' | 'persons',
): (text: string) => void {
  const file = join(inject('leakFolder'), `${kind}-${randomBytes(6).toString('hex')}`)
  return (text) => appendFileSync(file, text)
}

let append: ((text: string) => void) | undefined
const seen = new Set<string>()

/** Shorter values are not recorded, because they are only placeholders in tests. */
const shortest = 16

/** Records payload and signature of a JWT separately; the header is the same everywhere and is no secret. */
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
/** Largest number of recorded persons per test file; a sample is enough to find a leak. */
const mostPersons = 1_000

/** Records the owners of imported legacy accounts, by the columns' English names. */
export function recordPersons(rows: Iterable<Readonly<Record<string, unknown>>>): void {
  for (const { citizen_id: number, cmnd, name, birth_date: birthDate } of rows) {
    const line = JSON.stringify({ number, cmnd, name, birthDate })
    if (persons.size >= mostPersons || persons.has(line)) continue
    persons.add(line)
    appendPerson ??= openRecord('persons')
    appendPerson(`${line}\n`)
  }
}

/** The next test file of this process records persons of its own. */
export const startNextFile = (): void => persons.clear()
