/** The source has the shape that docs/architecture.md shows and oxlint.config.ts enforces. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { arrows, floor, rooms } from '../../oxlint.config.ts'

const document = readFileSync('docs/architecture.md', 'utf8')
const section = (heading: string) => document.split(/^## /m).find((part) => part.startsWith(`${heading}\n`))!
const names = (text: string) => [...text.matchAll(/`([\w-]+)\/?`/g)].map(([, name]) => name!)

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
const textOf = (file: string) => readFileSync(join('src', file), 'utf8')
const roomOf = (file: string) => file.replace(/\/.*|\.ts$/g, '')

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

/** Static, `export from` and dynamic imports of our own files. oxlint does not check dynamic ones. */
function importsOf(file: string): Import[] {
  const found = textOf(file).matchAll(
    /^(?:import|export) (type )?(?:([^;'"]*?) from )?'(\.[^']+)'|\bimport\('(\.[^']+)'\)/gm,
  )
  return [...found].map(([, type, what = '', path, dynamic]) => ({
    from: file,
    to: normalize(join(dirname(file), path ?? dynamic!)),
    isType: type !== undefined || /^\{\s*(type \w+( as \w+)?,?\s*)+\}$/.test(what),
  }))
}
const imports = files.flatMap(importsOf)
const between = imports.filter(({ from, to }) => roomOf(from) !== roomOf(to) && !to.startsWith('..'))

describe('folders and permitted imports', () => {
  const rows = [...section('The rooms').matchAll(/^\| `([\w-]+)\/?` \| (.+) \| (.+) \|$/gm)]
  const shown = Object.fromEntries(
    rows.map(([, name, , cell = '']) => {
      const [values = '', types = ''] = cell.startsWith('types: ') ? ['', cell] : cell.split('; types: ')
      return [name!, [...names(values), ...names(types).map((type) => `types:${type}`)].toSorted()]
    }),
  )

  test('the table and the floor list every room and root file, and nothing else', () => {
    expect([...new Set([...Object.keys(shown), ...floor])].toSorted()).toEqual([...rooms].toSorted())
    const [sentence = ''] = section('The rooms').match(/A room may import[^]*?\*Types\*/) ?? []
    expect(names(sentence).toSorted()).toEqual([...floor].toSorted())
  })

  test('the table shows the arrows that oxlint enforces', () => {
    const enforced = Object.entries(arrows).map(([name, may]) => [name, [...may].toSorted()])
    expect(Object.fromEntries(enforced)).toEqual(
      Object.fromEntries(Object.entries(shown).filter(([name, may]) => may.length > 0 || name in arrows)),
    )
  })

  test('every import follows an arrow, dynamic imports too', () => {
    const astray = between.filter(({ from, to, isType }) => {
      const [room, other] = [roomOf(from), roomOf(to)]
      const may = arrows[room] ?? []
      return !floor.includes(other) && !may.includes(other) && !(isType && may.includes(`types:${other}`))
    })
    expect(astray).toEqual([])
  })

  test('every arrow is used', () => {
    const unused = Object.entries(arrows).flatMap(([room, may]) =>
      may
        .filter((arrow) => {
          const other = arrow.replace('types:', '')
          const used = between.filter(({ from, to }) => roomOf(from) === room && roomOf(to) === other)
          return arrow === other ? used.every(({ isType }) => isType) : used.length === 0
        })
        .map((arrow) => `${room} → ${arrow}`),
    )
    expect(unused).toEqual([])
  })
})

test('every source file that a comment or a document names exists', () => {
  const named = (path: string, text: string) =>
    [...text.matchAll(/`((?:[\w-]+\/)*[\w-]+\.ts)`|\(([\w-]+\.ts)\)/g)].map(([, ticked, bracketed]) => ({
      path,
      name: ticked ?? bracketed!,
    }))
  const documents = readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`)
  const all = [...files.map((file) => `src/${file}`), ...documents, 'README.md', 'CONTRIBUTING.md']
  const gone = all
    .flatMap((path) => named(path, readFileSync(path, 'utf8')))
    .filter(
      ({ path, name }) => ![name, `src/${name}`, join(dirname(path), name)].some((file) => existsSync(file)),
    )
  expect(gone).toEqual([])
})

test('the table of test folders lists exactly the existing folders', () => {
  const rows = [...section('The tests').matchAll(/^\| `test\/([\w-]+)\/` \|/gm)].map(([, folder]) => folder!)
  const there = readdirSync('test', { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(rows.toSorted()).toEqual(there.map(({ name }) => name).toSorted())
})

describe('one login', () => {
  const listed = [...section('One login').matchAll(/^\d+\. `src\/([^`]+)`/gm)].map(([, file]) => file!)

  test('is decided by at most ten files, each named once and existing', () => {
    expect(listed.length).toBeGreaterThan(0)
    expect(listed.length).toBeLessThanOrEqual(10)
    expect(new Set(listed).size).toBe(listed.length)
    expect(listed.filter((file) => !existsSync(join('src', file)))).toEqual([])
  })

  test('every other file that can refuse a person during a login is named below the list', () => {
    const way = new Set<string>()
    const walk = (file: string) => {
      if (way.has(file)) return
      way.add(file)
      for (const { from, to, isType } of imports) if (from === file && !isType) walk(to)
    }
    walk('login/routes.ts')
    walk('login/engine-steps.ts')
    // A file that refuses throws a code of the citizens' part of the error table about the person or the portal.
    const refusal =
      /BrokerError\(\s*'(identifier_cancelled|subject_disabled|kind_\w+|level_unmet|login_mismatch|operator_unknown)'/
    const refusing = [...way].filter((file) => refusal.test(textOf(file)))
    expect(refusing.length).toBeGreaterThan(0)
    const text = section('One login')
    expect(
      refusing.filter((file) => !text.includes(`\`${file}\``) && !text.includes(`\`src/${file}\``)),
    ).toEqual([])
  })
})

describe('one word, one thing', () => {
  /** Words that the glossary has replaced, as patterns that match only the replaced meaning. */
  const retired = [
    /\b(Deed|Deciding|Doing|KeyTools|createDecide|SecondPerson)\b/,
    /\b(registrar|registration-plan|client-rules|key-ring|setting-parts|hand-off|auditing)\.ts\b/,
    /\bhand-off\b/i,
    /\b[Pp]roposals?\b|\bdecision (list|approve|decline)\b|\/v1\/(decisions|proposals)/,
    /\baudit[_ -]seals?\b|\bsealer\b|\bunsealed\b|\/v1\/audit\/seal/i,
    /\brecord(Refusal|SessionEnd|SignIn)\b|\bcreate(Face|Ending|PortalWord)\b/,
  ]
  const places = [
    ...files.map((file) => `src/${file}`),
    ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((file) => `docs/${file}`),
    ...readdirSync('migrations').map((file) => `migrations/${file}`),
    'README.md',
  ].filter((path) => /\.(ts|md|sql)$/.test(path))

  test('source, SQL and documents contain no replaced word', () => {
    const left = places.flatMap((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .flatMap((line, index) =>
          retired.some((word) => word.test(line)) ? [`${path}:${index + 1}: ${line}`] : [],
        ),
    )
    expect(left).toEqual([])
  })

  test('the glossary has every word once', () => {
    const words = [...section('Glossary').matchAll(/^\| \*\*([^*]+)\*\*/gm)].map(([, word]) => word)
    expect(words.length).toBeGreaterThan(15)
    expect(new Set(words).size).toBe(words.length)
  })
})

describe('the size of things', () => {
  test('at most eleven files lie at the root of src/', () => {
    expect(files.filter((file) => !file.includes('/')).length).toBeLessThanOrEqual(11)
  })

  test('no source file is longer than 300 lines', () => {
    const lines = (file: string) => textOf(file).split('\n').length - 1
    expect(files.filter((file) => lines(file) > 300)).toEqual([])
  })
})
