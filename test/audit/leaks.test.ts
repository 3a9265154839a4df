/** The leak search at the end of every run can fail, and it sees what the run did. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { openDatabase } from '../../src/store/db.ts'
import { dumpServer } from '../support/dumps.ts'
import { citizenNeedles, createSearch, searchFolder } from '../support/leaks.ts'
import { freshDatabase, openWorld, portalDefinition, secretOf } from '../support/world.ts'

const search = createSearch(citizenNeedles())
const { number, name, birthDate } = citizenNamed('binh')
const compact = birthDate!.replaceAll('-', '')
const hex = (text: string) => Buffer.from(text).toString('hex')
const base64 = (text: string) => Buffer.from(text).toString('base64')
const escaped = (text: string) =>
  text.replaceAll(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

test.each([
  ['a number', `{"id":"${number}"}`, 'the number of binh'],
  ['a number within a word', `id${number}x`, 'the number of binh'],
  ['a number as a dump shows bytes', `\\\\x00${hex(number)}ff`, 'the number of binh'],
  ['a number in base64', base64(`{"n":"${number}"}`), 'the number of binh'],
  ['a number in base64, shifted by one', base64(`{"nn":"${number}"}`), 'the number of binh'],
  ['a number in a token', Buffer.from(`{"nnn":"${number}"}`).toString('base64url'), 'the number of binh'],
  ['a name', `hello ${name}!`, 'the name of binh'],
  ['a name in capitals', name.toUpperCase(), 'the name of binh'],
  ['a name in decomposed letters', name.normalize('NFD'), 'the name of binh'],
  ['a name in JSON escapes', JSON.stringify(escaped(name)), 'the name of binh'],
  ['a name in JSON escapes, decomposed', escaped(name.normalize('NFD')).toUpperCase(), 'the name of binh'],
  ['a name in a URL', `?name=${encodeURIComponent(name)}`, 'the name of binh'],
  ['a name in a form', new URLSearchParams({ name }).toString(), 'the name of binh'],
  ['a name as a dump shows bytes', hex(name), 'the name of binh'],
  ['a name in base64', base64(`..${name}`), 'the name of binh'],
  ['a birth date', `"birthdate":"${birthDate}"`, 'the birth date of binh'],
  ['a birth date without dashes', `birthDate=${compact}&`, 'the birth date of binh'],
  ['a birth date in base64', base64(`{"birthDate":"${compact}"}`), 'the birth date of binh'],
])('%s is found', (_, text, kind) => {
  expect(search(`before ${text} after`)).toContain(kind)
})

test('text that only looks like personal data is not reported', () => {
  expect(
    search(`seconds 0.1${compact} 9${compact}1 x${compact} ${birthDate}9 1952 ${number.slice(1)} Trần Thị`),
  ).toEqual([])
})

test('a planted value and a planted secret are reported by file and kind, and are not repeated', () => {
  const folder = mkdtempSync(join(tmpdir(), 'broker-planted-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const secret = 'a-secret-of-this-test-and-no-other'
  writeFileSync(join(folder, 'secrets-1'), `${secret}\n`)
  writeFileSync(join(folder, 'log-1'), `{"event":"request.served"}\n`)
  expect(searchFolder(folder)).toEqual({ findings: [], files: ['log-1'], secrets: 1 })
  writeFileSync(join(folder, 'log-2'), `{"sub":"${number}","name":"${name}"}\n`)
  writeFileSync(join(folder, 'dump-1'), `vneid:{x} ${hex(secret)}\n`)
  const { findings } = searchFolder(folder)
  expect(findings.toSorted()).toEqual([
    'dump-1: a secret',
    'log-2: the name of binh',
    'log-2: the number of binh',
  ])
  expect(findings.join()).not.toMatch(new RegExp(`${number}|${name}|${secret}`))
})

test('an answer of the admin API may show a name to an officer, and shows no number or secret to anyone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'broker-answers-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const secret = 'a-secret-that-no-answer-holds-again'
  writeFileSync(join(folder, 'secrets-1'), `${secret}\n`)
  writeFileSync(join(folder, 'answers-1'), `{"name":"${name}"}\n`)
  expect(searchFolder(folder).findings).toEqual([])
  writeFileSync(join(folder, 'answers-2'), `{"number":"${number}","client_secret":"${secret}"}\n`)
  expect(searchFolder(folder).findings.toSorted()).toEqual([
    'answers-2: a secret',
    'answers-2: the number of binh',
  ])
})

test("a planted owner of a legacy account is found by number, CMND, name and birth date, and not by another's", () => {
  const folder = mkdtempSync(join(tmpdir(), 'broker-owner-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const owner = { number: '001085999977', cmnd: '999911177', name: 'Người Không Có', birthDate: '1985-04-17' }
  writeFileSync(join(folder, 'persons-1'), `${JSON.stringify(owner)}\n`)
  writeFileSync(join(folder, 'log-1'), `001085999978 999911178 x999911177 19850417 1985-04-18\n`)
  expect(searchFolder(folder).findings).toEqual([])
  for (const [index, text] of Object.values(owner).entries())
    writeFileSync(join(folder, `dump-${index}`), `\t${text}\t\n`)
  writeFileSync(join(folder, 'dump-4'), `\\x00${hex(owner.cmnd)}ff`)
  expect(searchFolder(folder).findings).toEqual([
    "dump-0: the number of a legacy account's owner",
    "dump-1: the CMND of a legacy account's owner",
    "dump-2: the name of a legacy account's owner",
    "dump-3: the birth date of a legacy account's owner",
    "dump-4: the CMND of a legacy account's owner",
  ])
})

test('a login writes its log, and the search looks for every secret of the login', async () => {
  const world = await openWorld()
  await world.register(portalDefinition('portal-a'))
  const { tokens, visitor, begun } = await (await world.portal({ clientId: 'portal-a' })).signIn()
  const folder = inject('leakFolder')
  const recorded = (kind: string) =>
    readdirSync(folder)
      .filter((file) => file.startsWith(kind))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n')
  const code = new URL(visitor.steps.at(-1)!.location!).searchParams.get('code')!
  const parts = [code, tokens.access_token, tokens.refresh_token!, begun.verifier, secretOf('portal-a')]
  const [, payload, signature] = tokens.id_token!.split('.')
  const { session, 'session.sig': mark } = Object.fromEntries(visitor.cookies(world.issuer))
  const lines = new Set(recorded('secrets').split('\n'))
  for (const secret of [...parts, payload, signature, session, mark]) expect(lines.has(secret!)).toBe(true)
  expect(lines.has(world.settings['SEAL_KEYS']!)).toBe(true)
  expect(recorded('log')).toContain('login.completed')
})

test.skipIf(inject('databaseUrl') === undefined)(
  'the dump of the server holds every row of its databases, including partitions (needs PostgreSQL)',
  async () => {
    const db = await openDatabase({ url: await freshDatabase() })
    await db.script(`
      create table plain (t text);
      insert into plain values ('in-a-plain-table');
      create table cut (t text, n int) partition by list (n);
      create table cut_1 partition of cut for values in (1);
      insert into cut values ('in-a-partition', 1)`)
    await db.close()
    const dump = await dumpServer(inject('databaseUrl')!)
    expect(dump).toContain('(in-a-plain-table)\n')
    expect(dump).toContain('(in-a-partition,1)\n')
  },
)
