/** One citizen's day: a login, its tokens and links, single sign-on, and one logout for all portals. */
import { listAccounts } from '../../store/accounts.ts'
import { type Citizen, citizens } from '../citizens.ts'
import { type Stage, type Received, ask, has, idsOf, walk } from './stage.ts'
import { mask } from '../portal/pages.ts'
import { createVisitor, type Visitor } from '../visitor.ts'

export async function playDay(stage: Stage, citizen: Citizen): Promise<void> {
  const visitor = createVisitor()
  await logIn(stage, citizen, visitor)
  const first = await readTokens(stage, citizen, visitor)
  await readMapping(stage, citizen)
  await singleSignOn(stage, citizen, visitor, first)
  await logOut(stage, visitor)
}

async function logIn(
  { issuer, tell, portals, simulator }: Stage,
  citizen: Citizen,
  visitor: Visitor,
): Promise<void> {
  const [one] = portals
  tell.scene(`${citizen.name} opens portal one and presses “Đăng nhập bằng VNeID”`)
  const page = await walk(tell, visitor, `${one.url}/login`)
  const way = visitor.steps.map(({ url }) => new URL(url).origin)
  tell.held(
    'The browser went portal one → broker → VNeID → broker → portal one, and nowhere else.',
    way.join() === [one.url, issuer, simulator.url, issuer, one.url, one.url].join(),
  )
  tell.held(
    'The browser sent the broker only two requests: one to begin, and one with VNeID’s answer.',
    way.filter((origin) => origin === issuer).length === 2,
  )
  tell.held(`Portal one greets ${citizen.name}, mức độ 02.`, has(page.body, citizen.name, 'mức độ 02'))
  tell.held(
    'Its page shows only the last three digits of the number.',
    has(page.body, mask(citizen.number)) && !page.body.includes(citizen.number),
  )
}

async function readTokens(stage: Stage, citizen: Citizen, visitor: Visitor): Promise<Received> {
  const { issuer, tell, portals, examples } = stage
  const [one] = portals
  tell.scene('What portal one received')
  const received = await ask(visitor, one)
  const { header, claims, userinfo } = received
  const { iss, aud, sub, acr, kind, exp } = claims
  tell.prose('Portal one exchanged the code for tokens, server to server. Some claims of the ID token:')
  tell.facts({
    iss,
    aud,
    sub,
    acr,
    kind,
    exp: `${String(exp)}  ${new Date(Number(exp) * 1000).toISOString()}`,
  })
  tell.prose('Some claims of userinfo, which returns what the portal’s scopes allow:')
  const { name, birthdate, legacy_accounts: accounts } = userinfo
  tell.facts({ name, birthdate, citizen_id: mask(String(userinfo['citizen_id'])) })
  tell.table([['legacy account', 'linked because'], ...accounts.map(({ id, method }) => [id, method])])
  tell.held(
    'The ID token is signed with ES256 by the broker’s published key, for this portal only.',
    header['alg'] === 'ES256' && claims['iss'] === issuer && claims['aud'] === examples[0]?.client_id,
  )
  tell.held(
    'It contains the assurance level, and no name or number.',
    claims['acr'] === 'urn:vneid:2' &&
      !has(JSON.stringify(claims), citizen.number) &&
      claims['name'] === undefined,
  )
  tell.held(
    'userinfo has the same sub, and the number that VNeID vouched for.',
    userinfo['sub'] === claims['sub'] && userinfo['citizen_id'] === citizen.number,
  )
  tell.held(
    'This one login linked all three old accounts with an attested number to the citizen.',
    idsOf(received).toSorted().join() === 'an.capphep2019,an.thauxaydung,nguyenvanan85' &&
      accounts.every(({ method }) => method === 'attested_number'),
  )
  return received
}

interface Found {
  readonly accounts: readonly {
    readonly account_id: string
    readonly state: string
    readonly attested_on: string | null
    readonly number: string
    readonly link: { readonly subject: string; readonly method: string } | null
  }[]
}

async function readMapping(
  { tell, db, officers: [officer], examples }: Stage,
  citizen: Citizen,
): Promise<void> {
  const { client_id: client } = examples[0]!
  const asked = { client, citizen_id: citizen.number }
  const { accounts } = await officer.admin.call<Found>('POST', '/v1/accounts/search', asked)
  tell.scene('The mapping, as an officer may see it and as the database stores it')
  tell.table([
    ['account id', 'state', 'attested', 'subject', 'method', 'number'],
    ...accounts.map(({ account_id: id, state, attested_on: attested, link, number }) => [
      id,
      state,
      attested ?? 'never',
      link === null ? '–' : `${link.subject.slice(0, 8)}…`,
      link?.method ?? '–',
      number,
    ]),
  ])
  const linked = accounts.filter(({ link }) => link !== null)
  tell.held(
    'The three accounts are linked to the same subject.',
    linked.length === 3 && new Set(linked.map(({ link }) => link?.subject)).size === 1,
  )
  tell.held(
    'The account whose number was never attested is not linked: it is a case for an officer.',
    accounts.some(
      ({ attested_on: attested, link, state }) => attested === null && link === null && state === 'in_review',
    ),
  )
  const rows = await listAccounts(db, client)
  const plain = [...citizens.map(({ number }) => number), ...accounts.map(({ account_id: id }) => id)]
  tell.held(
    'Accounts are stored as ciphertext: no row contains a readable number or account id.',
    rows.length > 0 && rows.every(({ sealed }) => !plain.some((text) => sealed.includes(text))),
  )
}

async function singleSignOn(
  { tell, portals, simulator }: Stage,
  citizen: Citizen,
  visitor: Visitor,
  first: Received,
): Promise<void> {
  const [, two] = portals
  tell.scene('Single sign-on: portal two, in the same browser')
  const before = { ...simulator.requests }
  const page = await walk(tell, visitor, `${two.url}/login`)
  const second = await ask(visitor, two)
  tell.held(`Portal two greets ${citizen.name} as well.`, has(page.body, citizen.name))
  tell.held(
    `VNeID was not called again: its simulator counts ${simulator.requests.authorize} sign-in, as before.`,
    JSON.stringify(before) === JSON.stringify(simulator.requests) && simulator.requests.authorize === 1,
  )
  tell.held(
    `It receives only its own legacy account: ${idsOf(second).join(', ')}.`,
    idsOf(second).length === 1 && !idsOf(second).some((id) => idsOf(first).includes(id)),
  )
  tell.held(
    'It knows the person by another sub, so the two portals cannot combine their data.',
    second.claims['sub'] !== first.claims['sub'],
  )
  tell.held(
    'It did not request the citizen’s number, and did not receive it.',
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
    'After VNeID’s own logout, the browser is back at portal one, signed out.',
    page.url.startsWith(one.url) && has(page.body, 'đã đăng xuất', 'Đăng nhập bằng VNeID'),
  )
  const { status, body } = await visitor.open(`${two.url}/`)
  tell.held(
    'Portal two has ended its session too: the broker sent it a signed logout token.',
    status === 200 &&
      has(body, 'Đăng nhập bằng VNeID') &&
      (await visitor.open(`${two.url}/me`)).status === 401,
  )
  const again = await visitor.open(`${two.url}/login`, { until: (url) => url.startsWith(simulator.url) })
  tell.held('A new login at portal two goes to VNeID again.', again.url.startsWith(simulator.url))
}
