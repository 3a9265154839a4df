/** What `.ci/previous-tests` decides, in a small separate repository; a script replaces vitest. */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'

const script = new URL('../../.ci/previous-tests', import.meta.url)
const hasGit = spawnSync('git', ['--version']).status === 0

/** One commit: a migration, a snapshot of the schema, a test. */
function openRepository() {
  const folder = mkdtempSync(join(tmpdir(), 'broker-previous-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const author = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@localhost' }
  const committer = { GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@localhost' }
  const env = { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: '1', ...author, ...committer }
  const run = (command: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8' })
    return { status, out: stdout + stderr }
  }
  const git = (...args: string[]) => expect(run('git', ...args)).toMatchObject({ status: 0 })
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const commit = () => {
    git('add', '--all')
    git('commit', '--quiet', '--message', 'a change')
  }
  mkdirSync(join(folder, '.ci'))
  copyFileSync(script, join(folder, '.ci/previous-tests'))
  write('.gitignore', 'node_modules\n')
  write('package-lock.json', '{}\n')
  write('migrations/002-first.sql', 'create table first (id int);\n')
  write('migrations/schema.sql', 'create table first (id int);\n')
  write('test/portals/issuer.test.ts', '// of the release\n')
  write(
    'node_modules/.bin/vitest',
    '#!/bin/sh\necho "$@"; cat test/portals/issuer.test.ts migrations/0*.sql\n',
  )
  chmodSync(join(folder, 'node_modules/.bin/vitest'), 0o755)
  git('init', '--quiet')
  commit()
  return {
    git,
    write,
    commit,
    remove: (path: string) => rmSync(join(folder, path)),
    decide: () => run('bash', '.ci/previous-tests', join(folder, 'report.json')),
  }
}

describe.skipIf(!hasGit)('the tests of the previous release (needs git)', () => {
  test('are not run before the first release, and the output says so', () => {
    const { decide, git } = openRepository()
    // Another tag is not a release.
    git('tag', 'draft')
    const { status, out } = decide()
    expect(status).toBe(3)
    expect(out).toMatch(/NOT run: no release yet: no v\* tag .* shallow clone/)
  })

  test('run on the current migrations, with any other changes since the migrations of the release', () => {
    const { git, write, commit, decide } = openRepository()
    git('tag', 'v1.0.0')
    write('migrations/003-second.sql', 'create table second (id int);\n')
    write('migrations/schema.sql', 'create table first (id int);\ncreate table second (id int);\n')
    write('test/portals/issuer.test.ts', '// of today\n')
    commit()
    const { status, out } = decide()
    expect(out).toContain('1 test files of v1.0.0 on 2 migrations')
    expect(out).toMatch(
      /^run test\/portals\/issuer\.test\.ts\n\/\/ of the release\n.* first .*\n.* second .*\n$/m,
    )
    expect(status).toBe(0)
  })

  test('are those of the newest release', () => {
    const { git, write, commit, decide } = openRepository()
    git('tag', 'v1.0.0')
    write('test/portals/issuer.test.ts', '// of the second release\n')
    commit()
    git('tag', 'v1.1.0')
    expect(decide()).toMatchObject({ status: 0, out: expect.stringContaining('// of the second release') })
  })

  test.each<[string, RegExp, (repository: ReturnType<typeof openRepository>) => void]>([
    [
      'was changed',
      /migrations\/002-first\.sql was changed or removed since v1\.0\.0/,
      ({ write }) => write('migrations/002-first.sql', 'create table first (id bigint);\n'),
    ],
    [
      'was removed',
      /migrations\/002-first\.sql was changed or removed since v1\.0\.0/,
      ({ write, remove }) => {
        remove('migrations/002-first.sql')
        write('migrations/003-second.sql', 'create table second (id int);\n')
      },
    ],
    [
      'is preceded by a new one',
      /migrations\/001-late\.sql must come after 002-first\.sql/,
      ({ write }) => write('migrations/001-late.sql', 'create table late (id int);\n'),
    ],
  ])('are not needed to refuse a migration of the release that %s', (_, told, change) => {
    const repository = openRepository()
    repository.git('tag', 'v1.0.0')
    change(repository)
    const { status, out } = repository.decide()
    expect(out).toMatch(told)
    expect(status).toBe(1)
  })
})
