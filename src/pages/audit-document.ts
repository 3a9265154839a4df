/** Generates the table of events in docs/audit.md. `npm run docs:audit` writes it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { auditNames, auditTable } from '../audit.ts'

const address = new URL('../../docs/audit.md', import.meta.url)

/** @returns the document with its table generated again */
export function auditDocument(): string {
  const rows = auditNames.map((name) => {
    const { class: of, says, detail } = auditTable[name]
    return `| \`${name}\` | ${of} | ${says} | ${detail.map((field) => `\`${field}\``).join(', ')} |\n`
  })
  const table = `| event | class | when | detail |\n|---|---|---|---|\n${rows.join('')}`
  return readFileSync(address, 'utf8').replace(/^\| event \|[^]*?\n(?=\n)/m, () => table)
}

if (import.meta.main) writeFileSync(address, auditDocument())
