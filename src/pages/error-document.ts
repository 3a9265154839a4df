/** docs/errors.md, made from the error table and the sentences: `npm run docs:errors` writes it, a test compares. */
import { writeFileSync } from 'node:fs'
import { type ErrorCode, errorTable, isForCitizens } from '../errors.ts'
import { sentences } from './locale.ts'

const address = new URL('../../docs/errors.md', import.meta.url)

const levels = {
  info: 'business as usual',
  warn: 'served, but look at it when there are many',
  error: 'wakes somebody',
}

const introduction = `# Errors

Made by \`npm run docs:errors\` from the error table (\`src/error-table.ts\`) and the sentences of the pages: do not edit it.

Every failure has a code of this table and a reference of ten letters and digits. A citizen reads both on the page; a portal
finds them in \`error_description\`, an API's caller in the problem; the answer's header \`X-Reference\` carries the reference,
and so do the log line and the audit rows of the request. The \`type\` of an API's problem ends with the code: it is a heading here.

While a portal's request is alive and the code has an OAuth error, the portal hears that error, with the code and the
reference as its description, and the citizen is back at the portal. Otherwise the citizen reads the page.
`

/** The whole document. */
export function errorDocument(): string {
  const codes = Object.keys(errorTable) as ErrorCode[]
  const [ofCitizens, ofApis] = [codes.filter(isForCitizens), codes.filter((code) => !isForCitizens(code))]
  return [
    introduction,
    '| code | HTTP | the portal hears |\n|---|---|---|',
    ...codes.map((code) => {
      const { status, oauth } = errorTable[code]
      return `| [${code}](#${code}) | ${status} | ${oauth === undefined ? '' : `\`${oauth}\``} |`
    }),
    '\n## At a login or logout\n',
    ofCitizens.map(section).join('\n'),
    "## From the portals' and the operators' APIs\n\nNo citizen reads these; the title of the problem is what it means.\n",
    ofApis.map(section).join('\n'),
  ].join('\n')
}

function section(code: ErrorCode): string {
  const { status, oauth, level, meaning, remedy, portal } = errorTable[code]
  const rows: [string, string][] = [['HTTP', String(status)]]
  if (oauth !== undefined) rows.push(['the portal hears', `\`${oauth}\``])
  if (isForCitizens(code)) {
    for (const [locale, of] of [
      ['vi', 'the citizen reads'],
      ['en', 'in English'],
    ] as const) {
      const { title, text } = sentences[locale].errors[code]
      rows.push([of, `**${title}.** ${text}`])
    }
  }
  rows.push(['means', meaning])
  if (portal !== undefined) rows.push(['portal', portal])
  rows.push(
    [isForCitizens(code) ? 'operator' : 'what to do', remedy],
    ['in the log', `\`${level}\`: ${levels[level]}`],
  )
  return `### ${code}\n\n| | |\n|---|---|\n${rows.map(([name, text]) => `| ${name} | ${text.replaceAll('|', '\\|')} |\n`).join('')}`
}

if (import.meta.main) writeFileSync(address, errorDocument())
