import { readFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { auditDocument } from '../../src/pages/audit-document.ts'
import { auditClasses, auditNames, auditTable } from '../../src/audit.ts'

const root = new URL('../../', import.meta.url)

test('docs/audit.md lists every event of the vocabulary, its class and its fields: `npm run docs:audit` writes it', () => {
  const document = readFileSync(new URL('docs/audit.md', root), 'utf8')
  expect(document).toBe(auditDocument())
  for (const name of auditNames) expect(document).toContain(`| \`${name}\` |`)
})

test('every event has a meaning and a class', () => {
  for (const name of auditNames) {
    expect(name).toMatch(/^[a-z]+\.[a-z_]+$/)
    expect(auditClasses).toContain(auditTable[name].class)
    expect(auditTable[name].says).not.toBe('')
  }
})

test('no field of a detail has the name of a key that every log line has', () => {
  const keys = ['level', 'time', 'event', 'client', 'subject', 'reference', 'msg', 'err']
  const clashes = auditNames.flatMap((name) =>
    auditTable[name].detail.filter((field) => keys.includes(field)).map((field) => `${name}: ${field}`),
  )
  expect(clashes).toEqual([])
})

test('the source writes every event of the vocabulary', () => {
  const files = readdirSync(new URL('src', root), { recursive: true, encoding: 'utf8' })
  const source = files
    .filter((file) => file.endsWith('.ts') && !/^audit\.ts$/.test(file))
    .map((file) => readFileSync(new URL(`src/${file}`, root), 'utf8'))
    .join('\n')
  // If the code assembles the second half of a name, its first half is in the source with a dot.
  const isWritten = (name: string) =>
    source.includes(`'${name}'`) || source.includes(`\`${name.slice(0, name.indexOf('.') + 1)}\${`)
  expect(auditNames.filter((name) => !isWritten(name))).toEqual([])
})
