/** Links between the documents: every link has a target, and every page can be found. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'

const pages = [
  ...readdirSync('.').filter((file) => file.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
]
const withoutCode = (text: string) => text.replace(/```[^]*?```/g, '').replace(/`[^`\n]*`/g, 'code')

/** Anchors of headings as GitHub and GitLab make them: lower case, without punctuation, dashes for blanks. */
const anchorsOf = (path: string): string[] =>
  [
    ...readFileSync(path, 'utf8')
      .replace(/```[^]*?```/g, '')
      .matchAll(/^#{1,6} (.+)$/gm),
  ].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  )

const linksOf = (page: string) =>
  [...withoutCode(readFileSync(page, 'utf8')).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link!)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : normalize(join(dirname(page), path))
      return { page, link, target, anchor }
    })
const links = pages.flatMap(linksOf)

test('every link of a document has a target: a file, and a heading if it names one', () => {
  expect(links.length).toBeGreaterThan(20)
  const broken = links.filter(
    ({ target, anchor }) =>
      !existsSync(target) ||
      (anchor !== undefined && (!target.endsWith('.md') || !anchorsOf(target).includes(anchor))),
  )
  expect(broken).toEqual([])
})

test('every page can be reached from the README in two clicks', () => {
  const next = (page: string) =>
    links
      .filter((link) => link.page === page)
      .flatMap(({ target }) =>
        existsSync(target) && statSync(target).isDirectory()
          ? pages.filter((other) => dirname(other) === normalize(target).replace(/\/$/, ''))
          : [target],
      )
  const first = next('README.md')
  const reached = new Set(['README.md', ...first, ...first.flatMap(next)])
  expect(pages.filter((page) => !reached.has(page))).toEqual([])
})

test('every decision says what was decided, why, and what follows from it', () => {
  const decisions = pages.filter((page) => dirname(page) === join('docs', 'decisions'))
  expect(decisions.length).toBeGreaterThan(15)
  for (const page of decisions) {
    const headings = [...readFileSync(page, 'utf8').matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
    expect({ page, headings }).toEqual({ page, headings: ['Decision', 'Why', 'Consequences'] })
  }
})
