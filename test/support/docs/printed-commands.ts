/** Every command that a document prints, in a fenced block or in a line of text. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface PrintedCommand {
  readonly page: string
  readonly line: string
}

export const pages: readonly string[] = [
  ...readdirSync('.').filter((file) => file.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
]

/** Programs that an operator or a developer starts; a text in backticks that begins with one is a command. */
const programs =
  /^(npm|npx|node|curl|wget|psql|pg_dump|pg_restore|createdb|docker|kubectl|openssl|redis-cli|promtool|jq|git|bash|sh|chronyc|timedatectl|systemctl) |^(timedatectl$|export |\.ci\/\w|[A-Z_]+_COMMAND=|select )/

const fences = /^ *```(\w*)\n([^]*?)^ *```/gm
/** The lines that test/docs/first-day.slow.test.ts runs. */
const transcript = /<!-- transcript -->\n```console\n[^]*?^```/m

/** The lines of a shell script, without comments. */
const linesOf = (block: string) =>
  block
    .split('\n')
    .map((line) => line.trim().replace(/^\$ /, ''))
    .map((line) => line.replace(/(^|\s+)# .*$/, ''))
    .filter((line) => line !== '')

export function commandsOf(text: string): string[] {
  const rest = text.replace(transcript, '')
  const fenced = [...rest.matchAll(fences)].flatMap(([, language = '', block = '']) =>
    ['sh', 'bash', 'console'].includes(language) ? linesOf(block) : [],
  )
  const inline = [...rest.replace(fences, '').matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!)
  return [...fenced, ...inline.filter((code) => programs.test(code))]
}

export const transcriptCommands = (): string[] => {
  const [block = ''] = transcript.exec(readFileSync('docs/operate/start.md', 'utf8')) ?? []
  return block.split('\n').flatMap((line) => /^\$ (.+)$/.exec(line)?.[1] ?? [])
}

export const printedCommands = (): PrintedCommand[] =>
  pages.flatMap((page) => commandsOf(readFileSync(page, 'utf8')).map((line) => ({ page, line })))

/** Names of operators' commands in the text, without `npm run cli --`: `client apply`, `keys ring`. */
export const mentionedIn = (text: string, firstWords: ReadonlySet<string>): string[] =>
  [...text.replace(fences, '').matchAll(/`([a-z]+(?: [^`\n]+)+)`/g)]
    .map(([, code]) => code!)
    .filter((code) => firstWords.has(code.split(' ')[0]!))
