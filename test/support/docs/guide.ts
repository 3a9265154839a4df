/** Reads the documents in docs/, so that tests can compare them with the code. */
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

/** The texts in backticks. */
export const namesIn = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name!)

/** The cells of the table whose first header is `header`, by row. */
export function tableOf(guide: string, header: string): string[][] {
  const lines = guide.split('\n')
  const head = lines.findIndex((line) => line.startsWith(`| ${header} |`))
  if (head < 0) throw new Error(`there is no table with the first header ${header}`)
  const rows = lines.slice(head + 2)
  const end = rows.findIndex((line) => !line.startsWith('|'))
  return rows.slice(0, end < 0 ? undefined : end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** The names in backticks in one column of the table, sorted. */
export const namedBy = (guide: string, header: string, column = 0): string[] =>
  tableOf(guide, header)
    .flatMap((cells) => namesIn(cells[column] ?? ''))
    .toSorted()
