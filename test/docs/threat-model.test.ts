/** The threat model names a test for each threat, and each of these tests exists. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readGuide, tableOf } from '../support/docs/guide.ts'

const document = readGuide('threat-model.md')
const threats = tableOf(document, 'threat').filter(([, rule]) => rule !== '')

/** `folder/file`: name; several are separated by semicolons. */
const proofsOf = (cell: string) =>
  [...cell.matchAll(/`([\w./-]+)`: (.+?)(?=; `|$)/g)].map(([, file, name]) => ({
    file: `test/${file}.test.ts`,
    name: name!,
  }))
const proofs = threats.flatMap(([threat = '', , proof = '']) =>
  proofsOf(proof).map((one) => ({ threat, ...one })),
)
/** As it stands in a source file, whatever quotes it has. */
const plain = (text: string) => text.replaceAll("\\'", "'")

test('every threat has a rule and a proof', () => {
  expect(threats.length).toBeGreaterThan(35)
  expect(threats.filter(([, rule, proof = '']) => rule === '' || proofsOf(proof).length === 0)).toEqual([])
})

test('every proof is the name of a test in the file that it names', () => {
  const missing = proofs.filter(
    ({ file, name }) => !existsSync(file) || !plain(readFileSync(file, 'utf8')).includes(name),
  )
  expect(missing).toEqual([])
})
