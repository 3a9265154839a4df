/** The operators' guide lists every operation of the admin API with the roles that may call it. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Role, roles } from '../../src/vocabulary.ts'
import { adminRoles } from '../support/operators/admin-roles.ts'

const guide = readFileSync(new URL('../../docs/operate/operators.md', import.meta.url), 'utf8')
const [head = '', , ...rows] = guide
  .slice(guide.indexOf('<!-- operations by role -->'))
  .split('\n')
  .filter((line) => line.startsWith('|'))
const cells = (line: string) =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
const columns = cells(head).slice(1)

/** The roles of each operation, as documented. */
const documented = Object.fromEntries(
  rows.flatMap((line) => {
    const [names = '', ...marks] = cells(line)
    const may = columns.filter((_role, index) => marks[index] === 'yes').toSorted()
    return [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => [name!, may] as const)
  }),
)

test('the guide lists each operation with exactly the roles that may call it', () => {
  expect(columns.toSorted()).toEqual([...roles].toSorted())
  const actual = Object.entries(adminRoles).map(([name, may]) => [name, may.toSorted()] as const)
  expect(documented).toEqual(Object.fromEntries(actual))
})

test('a viewer reads portals, progress, figures, signing keys and runs, and changes only a key of its own', () => {
  const own = ['/v1/whoami', '/v1/openapi.json', '/v1/operators/:id/key', '/v1/approvals']
  const areas = ['clients', 'rehomes', 'progress', 'figures', 'keys', 'key-ring', 'reseals', 'legacy-imports']
  const more = Object.entries(adminRoles).filter(([name, may]) => {
    const [method = '', path = ''] = name.split(' ')
    const isOwn = own.some((start) => path.startsWith(start))
    const isRead = method === 'GET' || path === '/v1/clients/plan'
    return may.includes('viewer' satisfies Role) && !isOwn && !(isRead && areas.includes(path.split('/')[2]!))
  })
  expect(more).toEqual([])
})
