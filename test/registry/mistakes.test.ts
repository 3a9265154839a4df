/** Every mistake in a reviewed file has one message with file, line, what is wrong and what to do, and nothing is applied. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Mistake, privatePart, secret, yaml } from '../support/registry/mistake.ts'
import { mistakesOfForm } from '../support/registry/mistakes-of-form.ts'
import { mistakesOfMeaning } from '../support/registry/mistakes-of-meaning.ts'
import { runAs } from '../support/operators/command.ts'
import { recordSecrets } from '../support/record.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const world = await openWorld()
const admin = await world.operator('registrar.of.mistakes', ['registrar'])
const folder = mkdtempSync(join(tmpdir(), 'broker-mistakes-'))
afterAll(() => rmSync(folder, { recursive: true }))
const mistakes: Readonly<Record<string, Mistake>> = { ...mistakesOfForm, ...mistakesOfMeaning }

const registry = () =>
  world.db.query(`select (select jsonb_agg(to_jsonb(c) order by id) from client c)::text as clients,
    (select count(*) from client_change)::text as changes, (select count(*) from client_secret)::text as secrets`)

await world.register(portalDefinition('portal-before'))
const before = await registry()
let count = 0

test('the table holds more than 40 mistakes', () => {
  expect(Object.keys(mistakes).length).toBeGreaterThan(40)
})

test.each(Object.entries(mistakes))(
  '%s is reported once, with file, line and what to do',
  async (_what, mistake) => {
    const {
      file,
      at,
      told,
      name = typeof file === 'string' || Buffer.isBuffer(file) ? '' : Object.keys(file)[0]!,
    } = mistake
    const place = join(folder, `mistake-${++count}${name === '' && !isFolder(file) ? '.yaml' : ''}`)
    if (isFolder(file)) {
      mkdirSync(place)
      for (const [inner, text] of Object.entries(file)) writeFileSync(join(place, inner), text)
    } else writeFileSync(place, file)
    const text = isFolder(file) ? String(file[name] ?? '') : file.toString()
    const line = typeof at === 'number' ? at : text.split(at, 1)[0]!.split('\n').length
    expect(typeof at === 'number' || text.includes(at)).toBe(true)

    const printed: string[] = []
    const refusal: unknown = await runAs(admin, 'client apply', [place], { yes: true }, printed).catch(
      (error: unknown) => error,
    )
    const { message } = refusal as Error
    expect(message).toMatch(told)
    // One line with one place, and a remedy after the semicolon.
    expect(message.split('\n')).toHaveLength(1)
    expect(message).toMatch(/^[^;]+; .{4,}$/s)
    expect(message.startsWith(`${name === '' ? place : join(place, name)}:${line}: `)).toBe(true)
    expect(message).not.toContain(secret)
    expect(message).not.toContain(privatePart)
    expect(printed).toEqual([])
    expect(await registry()).toEqual(before)
  },
)

const isFolder = (file: Mistake['file']): file is Record<string, string | Buffer> =>
  typeof file !== 'string' && !Buffer.isBuffer(file)

test('the same file without a mistake is applied', async () => {
  const place = join(folder, 'good.yaml')
  writeFileSync(place, yaml({}))
  const printed = await runAs(admin, 'client apply', [place], { yes: true })
  const [, made] = /shown this once: ([\w-]{43})/.exec(printed) ?? []
  recordSecrets([made])
  expect(printed).toContain('created   portal-a  active')
  expect(await registry()).not.toEqual(before)
})

test('the API does not repeat the text that was sent as the name of a field', async () => {
  const { faults } = await admin.call<{ faults: { path: unknown[] }[] }>('POST', '/v1/clients/plan', {
    clients: [{ [`${secret} = x`]: 1 }],
  })
  expect(faults.map(({ path }) => path)).toContainEqual(['…'])
  expect(JSON.stringify(faults)).not.toContain(secret)
})
