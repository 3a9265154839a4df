/** "Your old accounts" in the integration guide: requests and answers are exactly those that it prints. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as client from 'openid-client'
import { expect, test } from 'vitest'
import { classNames } from '../../src/mapping/classes.ts'
import { columns } from '../../src/imports/columns.ts'
import { type Evidence, reviewReason, rules } from '../../src/mapping/linking.ts'
import type { LinkOutcome, RefusalReason } from '../../src/mapping/vouching.ts'
import { exampleFiles, readExamples } from '../../src/sandbox/examples.ts'
import { createVisitor } from '../../src/sandbox/visitor.ts'
import type { LinkChangeRow } from '../../src/store/changes.ts'
import type { Counted } from '../../src/store/imports/report.ts'
import type { LinkMethod } from '../../src/vocabulary.ts'
import { namedBy, namesIn, readGuide, tableOf } from '../support/docs/guide.ts'
import { openFolder, openOperator, runCommandLine } from '../support/operators/command-line.ts'
import { press } from '../support/portal.ts'
import { openWorld } from '../support/world.ts'

const [, guide = ''] = /\n## Your old accounts\n([\s\S]+?)\n## /.exec(readGuide('integrate.md')) ?? []
const blocks = (language: string) =>
  [...guide.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]+?)\`\`\``, 'g'))].map(([, text]) => text!)

const clientId = 'portal-of-yours'
const definition = (await readExamples()).find((one) => one.client_id === clientId)!
const { client_secret: secret, redirect_uris } = definition
const redirectUri = redirect_uris[0]!
const atPortal = (url: string) => url.startsWith(`${redirectUri}?`)

const world = await openWorld()
await world.register({ ...definition })
const portal = await world.portal({
  clientId,
  redirectUri,
  auth: client.ClientSecretBasic(secret),
  scope: 'openid legacy_accounts',
})
const folder = openFolder()
const officer = await openOperator(world, 'an.officer', ['mapping_officer'])

/** The JSON that the guide prints as the answer with this name. A value that it omits may be anything, but must exist. */
function printed(name: string): unknown {
  const [, text] = new RegExp(`<!-- answer: ${name} -->\n\`\`\`json\n([\\s\\S]+?)\`\`\``).exec(guide) ?? []
  if (text === undefined) throw new Error(`no answer ${name} is printed`)
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'string' && value.includes('…') ? like(value) : value,
  )
}

const like = (text: string) => expect.stringMatching(new RegExp(`^${text.replaceAll('…', '.+')}$`)) as unknown

/** Sends a request as the guide prints it. @param fields values that the printed form omits */
async function request(
  call: string,
  credentials: string,
  fields: Readonly<Record<string, string>> = {},
  edit = (text: string) => text,
) {
  const block = blocks('http').find((text) => text.startsWith(`${call}\n`))
  if (block === undefined) throw new Error(`no ${call} is printed`)
  const [head = '', body] = edit(block).trimEnd().split('\n\n')
  const [start = '', ...lines] = head.split('\n')
  const [method = '', path = ''] = start.split(' ')
  const headers = new Headers(
    lines.map((line) => line.replace('…', credentials).split(': ') as [string, string]),
  )
  const response = await fetch(world.issuer + path, {
    method,
    headers,
    ...(body !== undefined && {
      body: headers.get('content-type') === 'application/json' ? body : form(body),
    }),
  })
  const type = response.headers.get('content-type') ?? ''
  return { status: response.status, type, answer: (await response.json()) as Record<string, unknown> }

  function form(text: string) {
    const given = new URLSearchParams(text.replaceAll('\n', ''))
    for (const [name, value] of given) if (value === '…') given.set(name, fields[name]!)
    return given.toString()
  }
}
const basic = Buffer.from(`${clientId}:${secret}`).toString('base64')

async function importFile(file: string, ...options: readonly string[]) {
  const args = ['legacy', 'import', file, '--client', clientId, ...options]
  const { out, err } = await runCommandLine(args, officer())
  expect({ err, out }).toEqual({ err: '', out: expect.stringMatching(/^2 rows/) as string })
  return readFileSync(`${file}.result.csv`, 'utf8')
}
const accounts = () => world.db.query('select 1 from legacy_account where client_id = $1', [clientId])

test('the printed file has the printed results in a dry run, in the import, and in a second import', async () => {
  const [sent = '', told = ''] = blocks('csv')
  const file = join(folder, 'accounts.csv')
  writeFileSync(file, sent)
  const result = `\ufeff${told.replaceAll('\n', '\r\n')}`
  expect(await importFile(file, '--dry-run')).toBe(result)
  expect(await accounts()).toEqual([])
  expect(await importFile(file)).toBe(result)
  expect(await importFile(file)).toBe(result.replaceAll('"accepted"', '"unchanged"'))
  expect(await accounts()).toHaveLength(2)
})

test('the sandbox has the printed file, so that the printed requests work there', () => {
  const shipped = exampleFiles.find((file) => file.clientId === clientId)!
  expect(readFileSync(shipped.url, 'utf8')).toBe(blocks('csv')[0])
})

test('the printed requests have the printed answers: claim, changes, state, primary, unknown', async () => {
  world.simulator.approve('an')
  const { visitor, tokens, claims } = await portal.signIn()
  expect(await portal.userinfo(tokens.access_token, claims.sub)).toEqual(printed('claim'))
  const asked = { claims: '{"id_token":{"legacy_accounts":null,"legacy_account_link":null}}' }
  expect(guide).toContain(`\`claims=${asked.claims}\``)
  const { legacy_accounts } = printed('claim') as { legacy_accounts: unknown }
  expect((await portal.signIn(asked, visitor)).claims).toMatchObject({ legacy_accounts })

  const { status, answer: token } = await request('POST /token', basic)
  expect({ status, token }).toMatchObject({ status: 200, token: { scope: 'legacy_accounts' } })
  const bearer = token['access_token'] as string
  const changes = await request('GET /legacy-accounts/changes?after=0&limit=100', bearer)
  expect(changes.answer).toEqual(printed('changes'))

  const state = 'POST /legacy-accounts/state'
  expect((await request(state, bearer)).answer).toEqual(printed('state'))
  const marked = await request(state, bearer, {}, (text) =>
    text.replace(state, 'POST /legacy-accounts/primary'),
  )
  expect(marked.answer).toEqual({ ...(printed('state') as object), primary: true })
  const unknown = await request(state, bearer, {}, (text) => text.replace('nguyenvanan85', 'nobody'))
  expect(unknown).toEqual({
    status: 404,
    type: expect.stringMatching(/^application\/problem\+json/) as string,
    answer: printed('unknown'),
  })
})

test('a request pushed as printed shows the printed page, and has the printed outcome', async () => {
  const begun = {
    state: client.randomState(),
    nonce: client.randomNonce(),
    verifier: client.randomPKCECodeVerifier(),
  }
  const { status, answer } = await request('POST /request', basic, {
    redirect_uri: redirectUri,
    state: begun.state,
    nonce: begun.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(begun.verifier),
  })
  expect({ status, answer }).toEqual({ status: 201, answer: printed('pushed') })

  world.simulator.approve('binh')
  const to = new URL(portal.config.serverMetadata().authorization_endpoint!)
  to.search = new URLSearchParams({
    client_id: clientId,
    request_uri: String(answer['request_uri']),
  }).toString()
  const visitor = createVisitor()
  const page = await visitor.open(to.href, { until: atPortal })
  for (const words of ['Liên kết tài khoản', 'Bỏ qua']) {
    expect(guide).toContain(`"${words}"`)
    expect(page.body).toMatch(new RegExp(`<button[^>]*>${words}</button>`))
  }
  const { url } = await press(visitor, page, { choice: 'link' }, atPortal)
  const tokens = await portal.redeem(url, { ...begun, url: to.href })
  expect(await portal.userinfo(tokens.access_token, tokens.claims()!.sub)).toEqual(printed('vouched'))
})

/** All names of a type; the compiler checks that none is missing. */
const all = <Name extends string>(names: Readonly<Record<Name, true>>) => Object.keys(names).toSorted()

test('the guide prints every column with its headers, and no other', () => {
  expect(guide).toContain('<!-- columns -->\n| column |')
  expect(tableOf(guide, 'column').map(([name, headers]) => [name, headers])).toEqual(
    columns.map(({ name, vietnamese }) => [`\`${name}\``, vietnamese.join(', ')]),
  )
})

test('the guide names every result, class, outcome, reason, method and change, and no other', () => {
  expect(namedBy(guide, '`result`')).toEqual(
    all<Counted['result']>({ accepted: true, unchanged: true, changed: true, refused: true }),
  )
  expect(namedBy(guide, 'class')).toEqual([...classNames].toSorted())
  expect(namedBy(guide, '`outcome`')).toEqual(
    all<LinkOutcome['outcome']>({
      linked: true,
      already_linked: true,
      declined: true,
      in_review: true,
      refused: true,
    }),
  )
  const refusals = all<RefusalReason>({
    acts_for_organisation: true,
    unknown_account: true,
    ambiguous: true,
    denied: true,
    not_in_use: true,
    locked: true,
  })
  expect(namedBy(guide, '`outcome`', 1)).toEqual([...refusals, ...reviewReasons(), 'pending'].toSorted())

  const sentence = (name: string) => {
    const [, text = ''] = new RegExp(`\n\`${name}\` is ([^.]+)\\.`).exec(guide) ?? []
    return namesIn(text).toSorted()
  }
  expect(sentence('method')).toEqual(
    all<LinkMethod>({ attested_number: true, matching_person: true, portal_word: true, operators: true }),
  )
  expect(sentence('change')).toEqual(
    all<LinkChangeRow['change']>({ linked: true, unlinked: true, primary: true, not_primary: true }),
  )
})

/** The reasons for a case when a portal vouches, by the rules and after the lock. */
function reviewReasons(): string[] {
  const byWord: readonly Evidence[] = ['portal_word', 'portal_word_against_number', 'other_kind']
  const reasons = byWord.flatMap((evidence) =>
    (['open', 'in_review', 'anothers'] as const)
      .filter((situation) => rules[evidence][situation] === 'review')
      .map((situation) => reviewReason(evidence, situation)),
  )
  return [...new Set([...reasons, 'late_comer'])]
}
