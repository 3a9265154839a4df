/** The documents in docs/, as a test reads them to hold them to what they say. */
import { readFileSync, readdirSync } from 'node:fs'

export const readGuide = (name: string): string =>
  readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')

/** The operators' guide: every page of docs/operate/, and the runbooks. */
export const readOperatorsGuide = (): string =>
  [
    ...readdirSync(new URL('../../../docs/operate/', import.meta.url)).map((page) => `operate/${page}`),
    'runbooks.md',
  ]
    .map(readGuide)
    .join('\n')

/** What stands in backticks. */
export const namesIn = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name!)

/** The cells of the table with this first header, row by row. */
export function tableOf(guide: string, header: string): string[][] {
  const lines = guide.split('\n')
  const head = lines.findIndex((line) => line.startsWith(`| ${header} |`))
  if (head < 0) throw new Error(`no table of ${header}`)
  const rows = lines.slice(head + 2)
  const end = rows.findIndex((line) => !line.startsWith('|'))
  return rows.slice(0, end < 0 ? undefined : end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** What its column names, sorted. */
export const namedBy = (guide: string, header: string, column = 0): string[] =>
  tableOf(guide, header)
    .flatMap((cells) => namesIn(cells[column] ?? ''))
    .toSorted()
