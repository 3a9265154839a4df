/** One citizen's day, over real HTTP: a login, what came of it, single sign-on, one logout for all. */
import type { CitizenKeys } from '../citizen-id.ts'
import type { Db } from '../store/db.ts'
import { listMapping, type MappingRow } from '../store/legacy-accounts.ts'
import type { Citizen } from './citizens.ts'
import type { Teller } from './demo-telling.ts'
import type { Examples } from './examples.ts'
import { mask } from './portal-pages.ts'
import type { Portal } from './portal.ts'
import type { Simulator } from './simulator.ts'
import { createVisitor, type Page, type Visitor } from './visitor.ts'

export interface Stage {
  readonly issuer: string
  readonly db: Db
  readonly citizenKeys: CitizenKeys
  readonly simulator: Simulator
  readonly examples: Examples
  readonly portals: readonly [Portal, Portal]
  readonly citizen: Citizen
  readonly tell: Teller
}

interface Told {
  readonly header: Record<string, unknown>
  readonly claims: Record<string, unknown>
  readonly userinfo: Record<string, unknown> & { legacy_accounts: { id: string; method: string }[] }
}

/** @throws NotHeld at the first promise that is broken */
export async function playScript(stage: Stage): Promise<void> {
  const visitor = createVisitor()
  await logIn(stage, visitor)
  const first = await readTokens(stage, visitor)
  await readMapping(stage)
  await singleSignOn(stage, visitor, first)
  await logOut(stage, visitor)
}

async function logIn({ issuer, tell, portals, citizen, simulator }: Stage, visitor: Visitor): Promise<void> {
  const [one] = portals
  tell.scene(`${citizen.name} opens portal one and presses “Đăng nhập bằng VNeID”`)
  const page = await walk(tell, visitor, `${one.url}/login`)
  const way = visitor.steps.map(({ url }) => new URL(url).origin)
  tell.held(
    'The browser went portal one → broker → VNeID → broker → portal one, and nowhere else.',
    way.join() === [one.url, issuer, simulator.url, issuer, one.url, one.url].join(),
  )
  tell.held(
    'The broker was asked for two things by the browser: to begin, and to take VNeID’s answer.',
    way.filter((origin) => origin === issuer).length === 2,
  )
  tell.held(`Portal one greets ${citizen.name}, mức độ 02.`, has(page.body, citizen.name, 'mức độ 02'))
  tell.held(
    'Its page shows the number by its last three digits only.',
    has(page.body, mask(citizen.number)) && !page.body.includes(citizen.number),
  )
}

async function readTokens(stage: Stage, visitor: Visitor): Promise<Told> {
  const { issuer, tell, portals, citizen, examples } = stage
  const [one] = portals
  tell.scene('What came back to portal one')
  const told = await ask(visitor, one)
  tell.prose('Behind the browser, portal one changed the code for tokens. The ID token, decoded:')
  tell.facts({ ...told.header, ...withDates(told.claims) })
  tell.prose('And userinfo, which releases what the portal’s scopes allow:')
  const { legacy_accounts: accounts, ...person } = told.userinfo
  tell.facts({ ...person, citizen_id: mask(String(person['citizen_id'])) })
  tell.table([['legacy account', 'linked because'], ...accounts.map(({ id, method }) => [id, method])])
  const { claims, header, userinfo } = told
  tell.held(
    'The ID token is signed with ES256 under the broker’s published key, for this portal alone.',
    header['alg'] === 'ES256' && claims['iss'] === issuer && claims['aud'] === examples.clients[0]?.client_id,
  )
  tell.held(
    'It carries the level of assurance, and no name or number.',
    claims['acr'] === 'urn:vneid:2' &&
      !has(JSON.stringify(claims), citizen.number) &&
      claims['name'] === undefined,
  )
  tell.held(
    'userinfo is about the same sub, and its number is the one VNeID vouched for.',
    userinfo['sub'] === claims['sub'] && userinfo['citizen_id'] === citizen.number,
  )
  return told
}

async function readMapping({ tell, db, citizenKeys, citizen, examples }: Stage): Promise<void> {
  const [client] = examples.clients
  const his = (row: MappingRow) =>
    row.identifier !== null &&
    row.identifierType === 'citizen_id' &&
    citizenKeys.open(row.identifierType, row.identifier).reveal() === citizen.number
  const rows = (await listMapping(db, client!.client_id)).filter(his)
  tell.scene('The mapping, as the database stores it')
  tell.prose(`Legacy accounts at ${client!.client_id} that bear ${citizen.name}’s number:`)
  tell.table([
    ['client', 'account id', 'state', 'attested', 'subject', 'method', 'number, sealed'],
    ...rows.map(({ accountId, state, attestedAt, subjectId, method, identifier }) => [
      client!.client_id,
      accountId,
      state,
      attestedAt?.toISOString().slice(0, 10) ?? 'never',
      subjectId === null ? '–' : `${subjectId.slice(0, 8)}…`,
      method ?? '–',
      `${identifier!.length} bytes …${identifier!.subarray(-3).toString('hex')}`,
    ]),
  ])
  const linked = rows.filter(({ subjectId }) => subjectId !== null)
  tell.held(
    'Both accounts with an attested number were linked to one and the same subject.',
    linked.length === 2 &&
      linked.every(({ attestedAt, subjectId }) => attestedAt !== null && subjectId === linked[0]?.subjectId),
  )
  tell.held(
    'The account whose number nobody ever attested was not: that is a case for a person.',
    rows.some(
      ({ attestedAt, subjectId, state }) => attestedAt === null && subjectId === null && state === 'open',
    ),
  )
  tell.held(
    'The stored number is ciphertext: no digit of it can be read, and no two rows are alike.',
    rows.every(({ identifier }) => !identifier!.includes(citizen.number)) &&
      new Set(rows.map(({ identifier }) => identifier!.toString('hex'))).size === rows.length,
  )
}

async function singleSignOn(
  { tell, portals, citizen, simulator }: Stage,
  visitor: Visitor,
  first: Told,
): Promise<void> {
  const [, two] = portals
  tell.scene('Single sign-on: portal two, in the same browser')
  const before = { ...simulator.requests }
  const page = await walk(tell, visitor, `${two.url}/login`)
  const second = await ask(visitor, two)
  tell.held(`Portal two greets ${citizen.name} as well.`, has(page.body, citizen.name))
  tell.held(
    `VNeID was not asked again: its simulator counts ${simulator.requests.authorize} sign-in, as before.`,
    JSON.stringify(before) === JSON.stringify(simulator.requests) && simulator.requests.authorize === 1,
  )
  const ids = (told: Told) => told.userinfo.legacy_accounts.map(({ id }) => id)
  tell.held(
    `It is told of its own legacy account only: ${ids(second).join(', ')}.`,
    ids(second).length === 1 && !ids(second).some((id) => ids(first).includes(id)),
  )
  tell.held(
    'It knows the person under another sub, so the two portals cannot compare notes.',
    second.claims['sub'] !== first.claims['sub'],
  )
  tell.held(
    'It did not ask for the citizen’s number, and was not given it.',
    second.userinfo['citizen_id'] === undefined,
  )
}

async function logOut({ tell, portals, issuer, simulator }: Stage, visitor: Visitor): Promise<void> {
  const [one, two] = portals
  tell.scene('Logout at portal one, which ends both')
  const question = await walk(tell, visitor, `${one.url}/logout`, {})
  const [, action = ''] = /<form method="post" action="([^"]+)"/.exec(question.body) ?? []
  const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(question.body) ?? []
  tell.held('The broker asks first, on its own page.', question.url.startsWith(issuer) && xsrf !== '')
  const page = await walk(tell, visitor, new URL(action, question.url).href, { xsrf, logout: 'yes' })
  tell.held(
    'By way of VNeID’s own logout, the browser is back at portal one, signed out.',
    page.url.startsWith(one.url) && has(page.body, 'đã đăng xuất', 'Đăng nhập bằng VNeID'),
  )
  const { status, body } = await visitor.open(`${two.url}/`)
  tell.held(
    'Portal two, asked again, no longer knows the browser: the broker had told it, by a signed logout token.',
    status === 200 &&
      has(body, 'Đăng nhập bằng VNeID') &&
      (await visitor.open(`${two.url}/me`)).status === 401,
  )
  const again = await visitor.open(`${two.url}/login`, { until: (url) => url.startsWith(simulator.url) })
  tell.held(
    'Whoever presses “Đăng nhập bằng VNeID” there now is sent to VNeID again.',
    again.url.startsWith(simulator.url),
  )
}

/** Opens an address and tells every request that it took. */
async function walk(
  tell: Teller,
  visitor: Visitor,
  url: string,
  form?: Record<string, string>,
): Promise<Page> {
  const from = visitor.steps.length
  const page = await visitor.open(url, form && { form })
  for (const step of visitor.steps.slice(from)) tell.hop(step)
  return page
}

/** What the portal was told of the person at this browser. */
async function ask(visitor: Visitor, portal: Portal): Promise<Told> {
  return JSON.parse((await visitor.open(`${portal.url}/me`)).body) as Told
}

const has = (text: string, ...parts: string[]) => parts.every((part) => text.includes(part))

const withDates = (claims: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(claims).map(([name, value]) =>
      ['iat', 'exp', 'auth_time'].includes(name)
        ? [name, `${String(value)}  ${new Date(Number(value) * 1000).toISOString()}`]
        : [name, value],
    ),
  )
