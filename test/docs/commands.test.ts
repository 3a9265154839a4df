/** A test runs each command that a document prints, or a list gives the reason why no test can run it. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { commands, findCommand } from '../../src/cli/run.ts'
import { roles } from '../../src/vocabulary.ts'
import { notRunHere, runElsewhere } from '../support/docs/elsewhere.ts'
import {
  commandsOf,
  mentionedIn,
  pages,
  printedCommands,
  transcriptCommands,
} from '../support/docs/printed-commands.ts'
import { stories } from '../support/docs/stories/all.ts'

const printed = printedCommands()
const lines = new Set(printed.map(({ line }) => line))
const told = new Set(
  Object.values(stories)
    .flat()
    .map(({ line }) => line),
)
const isExport = (line: string) => line.startsWith('export ')
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }

test('a new command in a document is noticed, in a fenced block, a list and a line of text', () => {
  const text = 'Run `npm run one`, never `one.two`.\n\n1. Do\n\n   ```sh\n   npm run two  # why\n   ```\n'
  expect(commandsOf(text)).toEqual(['npm run two', 'npm run one'])
  expect(printed.length).toBeGreaterThan(150)
})

test('every printed command is run by commands.slow.test.ts, by another test, or listed with a reason', () => {
  const known = new Set([...told, ...Object.keys(runElsewhere), ...Object.keys(notRunHere)])
  const missing = printed.filter(({ line }) => !known.has(line) && !isExport(line))
  expect(missing).toEqual([])
  expect([...known.difference(lines)]).toEqual([])
})

test('a test that is listed as running a command exists, and contains the words of the command', () => {
  for (const [line, [file, words]] of Object.entries(runElsewhere)) {
    const has = existsSync(file) && readFileSync(file, 'utf8').includes(words)
    expect({ line, file, has }).toEqual({ line, file, has: true })
  }
})

describe('the form of commands', () => {
  test('npm run names a script, npx a tool that is installed, .ci a file, vitest a file of tests', () => {
    const faults = [...lines].flatMap((line) => {
      const words = line.split(' ').filter((word) => !word.startsWith('-'))
      const named = [...line.matchAll(/npm run (?:--silent )?([\w:]+)|npm (test|start)/g)]
      const files = words.filter((word) => /^(\.ci\/\w|test\/[a-z/]+\.test\.ts$)/.test(word))
      const tools = words[0] === 'npx' ? [`node_modules/.bin/${words[1]}`] : []
      return [
        ...named.map(([, script, short]) => script ?? short!).filter((name) => !(name in scripts)),
        ...[...files, ...tools].filter((file) => !existsSync(file)),
      ]
    })
    expect(faults).toEqual([])
  })

  test('an operator command that a sentence names without npm exists', () => {
    const firstWords = new Set(Object.keys(commands).map((name) => name.split(' ')[0]!))
    const unknown = pages.flatMap((page) =>
      mentionedIn(readFileSync(page, 'utf8'), firstWords)
        .filter((words) => findCommand(words) === undefined)
        .map((words) => `${page}: ${words}`),
    )
    expect(unknown).toEqual([])
  })

  test('an export names settings that the command line or the broker reads', () => {
    const settings = readFileSync('src/config/config.ts', 'utf8')
    for (const line of [...lines].filter(isExport))
      for (const [, name] of line.matchAll(/(\w+)=/g)) expect(settings).toContain(name)
  })
})

/** Throws when an argument or an option is missing, unknown or one too many. */
const ours = [...lines, ...transcriptCommands()].filter((line) => line.startsWith('npm run cli -- '))
test.each([...new Set(ours)])('%s', (line) => {
  const words = line.replace('npm run cli -- ', '')
  const [name, command] = findCommand(words)!
  command.read(words.slice(name.length).trim().split(/\s+/).filter(Boolean))
  const [, given] = / --role (\S+)/.exec(line) ?? []
  for (const role of given?.split(',') ?? []) expect(roles).toContain(role)
})
