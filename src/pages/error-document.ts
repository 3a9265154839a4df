/** Generates docs/errors.md from the error table and the citizens' sentences. `npm run docs:errors` writes it; a test compares. */
import { writeFileSync } from 'node:fs'
import { type ErrorCode, errorTable, isForCitizens } from '../errors.ts'
import { sentences } from './locale.ts'

const address = new URL('../../docs/errors.md', import.meta.url)

const levels = {
  info: 'normal operation',
  warn: 'check it if there are many',
  error: 'alerts the operator on duty',
}

const introduction = `# Errors

Do not edit: \`npm run docs:errors\` generates this page from the error table (\`src/error-table.ts\`) and the sentences of the pages.

Every failure has a code from this table and a reference of ten letters and digits. A citizen sees both on the page, a portal
gets them in \`error_description\`, and the caller of an API gets them in the problem document. The reference is also in the
response header \`X-Reference\`, in the log line, and in the audit rows of the request. The \`type\` of an API's problem ends
with the code, which is a heading on this page.

If a portal's request is still open and the code has an OAuth error, the citizen is redirected to the portal with that error,
and \`error_description\` holds the code and the reference. Otherwise the citizen sees our error page.
`

/** @returns the whole document, Markdown */
export function errorDocument(): string {
  const codes = Object.keys(errorTable) as ErrorCode[]
  const [ofCitizens, ofApis] = [codes.filter(isForCitizens), codes.filter((code) => !isForCitizens(code))]
  return [
    introduction,
    '| code | HTTP | OAuth error to the portal |\n|---|---|---|',
    ...codes.map((code) => {
      const { status, oauth } = errorTable[code]
      return `| [${code}](#${code}) | ${status} | ${oauth === undefined ? '' : `\`${oauth}\``} |`
    }),
    '\n## At a login or logout\n',
    ofCitizens.map(section).join('\n'),
    "## From the portals' and the operators' APIs\n\nCitizens never see these. The problem's `title` is the meaning.\n",
    ofApis.map(section).join('\n'),
  ].join('\n')
}

function section(code: ErrorCode): string {
  const { status, oauth, level, meaning, remedy, portal } = errorTable[code]
  const rows: [string, string][] = [['HTTP', String(status)]]
  if (oauth !== undefined) rows.push(['OAuth error to the portal', `\`${oauth}\``])
  if (isForCitizens(code)) {
    for (const [locale, of] of [
      ['vi', 'the citizen sees'],
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
