/** What people decide: a vouched account with the citizen's consent, a case, the end of a link, a new number. */
import { type Citizen, citizenNamed } from '../citizens.ts'
import { type Stage, ask, comeBack, has, idsOf, refusalOf, walk } from './stage.ts'
import { mask } from '../portal/pages.ts'
import { createVisitor, type Page, type Visitor } from '../visitor.ts'

export async function vouch(stage: Stage, citizen: Citizen): Promise<void> {
  const { issuer, tell, portals, simulator } = stage
  const [one, two] = portals
  tell.scene(`${citizen.name}’s old account has no number that could link it: portal one vouches for it`)
  simulator.approve(citizen.key)
  const visitor = createVisitor()
  const account = 'phamvandung'
  const question = await walk(tell, visitor, `${one.url}/old-account`, { account })
  tell.held(
    'The portal pushed the account’s id (RFC 9126): no URL in the browser contains it.',
    visitor.steps.every(({ url, location = '' }) => !`${url}${location}`.includes(account)),
  )
  tell.held(
    'After VNeID, the broker’s page asks the citizen. It shows the account, the person, and the last day.',
    question.url.startsWith(issuer) && has(question.body, account, citizen.name, '904', '31/12/2099'),
  )
  await press(stage, visitor, question, { choice: 'link' })
  const received = await ask(visitor, one)
  tell.held(
    'The citizen presses “Liên kết tài khoản”, and the portal gets the outcome: linked.',
    received.userinfo.legacy_account_link?.outcome === 'linked' &&
      received.userinfo.legacy_accounts.some(({ id, method }) => id === account && method === 'portal_word'),
  )
  const late = await visitor.open(`${two.url}/old-account`, { form: { account: 'CD-0001120' } })
  const page = await visitor.open(formOf(late), { form: {} })
  tell.held(
    'Portal two has no dates of its own: by law its accounts were locked on 1/7/2024. It gets no link.',
    has(late.body, 'Thời hạn liên kết tài khoản trước đây theo cách này đã hết') &&
      has(page.body, 'CD-0001120: không liên kết được') &&
      (await ask(visitor, two)).userinfo.legacy_account_link?.reason === 'locked',
  )
}

async function press({ tell }: Stage, visitor: Visitor, page: Page, form: Record<string, string>) {
  await walk(tell, visitor, formOf(page), form)
}
const formOf = ({ url, body }: Page) =>
  new URL(/<form method="post" action="([^"]+)"/.exec(body)?.[1] ?? '', url).href

interface Side {
  readonly name: string
  readonly birth_date: string
  readonly number: string
}
interface Case {
  readonly id: string
  readonly reason: string
  readonly account: Side & { readonly account: string; readonly state: string }
  readonly other: Side
  readonly agrees: Readonly<Record<keyof Side, boolean>>
  readonly history: {
    readonly links: readonly { readonly id: string; readonly unlinked_at: string | null }[]
  }
}
interface Found {
  readonly accounts: readonly {
    readonly account: string
    readonly state: string
    readonly link: { readonly id: string } | null
  }[]
}

/** Two officers decide a case, and one officer ends a link. */
export async function decideCase(stage: Stage): Promise<void> {
  const { tell, portals, examples } = stage
  const [one] = portals
  const [first, second] = stage.officers
  const an = citizenNamed('an')
  const client = examples[0]!.client_id
  tell.scene('The account whose number was never attested: officers decide')
  const { reviews } = await first.admin.call<{ reviews: { id: string; reason: string }[] }>(
    'GET',
    `/v1/reviews?client=${client}`,
  )
  const open = reviews.find(({ reason }) => reason === 'not_attested')!
  const question = await first.admin.call<Case>('GET', `/v1/reviews/${open.id}`)
  const { account: ours, other, agrees } = question
  tell.table([
    ['', 'the portal recorded', 'VNeID said', 'agrees'],
    ...(['name', 'birth_date', 'number'] as const).map((field) => [
      field,
      ours[field],
      other[field],
      agrees[field] ? 'yes' : 'no',
    ]),
  ])
  tell.held(
    'The officer sees both records, and only the last three digits of the numbers.',
    ours.number === other.number && ours.number.endsWith('*901') && agrees.number,
  )
  const { approval } = await first.admin.call<{ approval: string }>(
    'POST',
    `/v1/reviews/${open.id}/confirm`,
    {
      reason: 'same person, recorded before numbers were compared',
      evidence: 'identity card and the paper file, seen at the counter',
    },
  )
  const approve = `/v1/approvals/${approval}/approve`
  const alone = await refusalOf(first.admin.call('POST', approve))
  tell.held(
    `${first.id} asks for the link, and cannot approve it alone: ${alone}.`,
    alone === 'second_person_needed',
  )
  await second.admin.call('POST', approve)
  tell.held(
    `${second.id} approves. At the next login of ${an.name}, the portal gets this account too.`,
    idsOf((await comeBack(stage, 'an', one)).received!).includes('an.nguyen.cu'),
  )

  const find = async () => {
    const asked = { client, account_id: 'an.thauxaydung' }
    return (await first.admin.call<Found>('POST', '/v1/accounts/search', asked)).accounts[0]!
  }
  const { account, link } = await find()
  await first.admin.call('POST', `/v1/accounts/${account}/links/${link!.id}/end`, {
    reason: 'the citizen called: the account belongs to a brother',
  })
  const { received } = await comeBack(stage, 'an', one)
  tell.held(
    'One officer can end any link. No login links that account again; officers must decide.',
    !idsOf(received!).includes('an.thauxaydung') && (await find()).state === 'in_review',
  )
}

/** A number is cancelled and another one issued; the person keeps their subject. */
export async function followNumber(stage: Stage): Promise<void> {
  const { tell, portals } = stage
  const [one] = portals
  const [first, second] = stage.officers
  const [old, now] = [citizenNamed('giang_cu'), citizenNamed('giang')]
  tell.scene(`${now.name}’s number is cancelled and a new one issued (Decree 70/2024 art. 11)`)
  const before = (await comeBack(stage, old.key, one)).received!
  const { approval } = await first.admin.call<{ approval: string }>('POST', '/v1/citizens/rekey', {
    old_number: old.number,
    new_number: now.number,
    reason: 'a new number was issued',
    evidence: 'the notice of the police, seen at the counter',
  })
  await second.admin.call('POST', `/v1/approvals/${approval}/approve`)
  const after = (await comeBack(stage, now.key, one)).received!
  tell.held(
    `Two officers moved her to ${mask(now.number)}; she keeps her sub and her account ${idsOf(after).join()}.`,
    before.claims['sub'] === after.claims['sub'] &&
      idsOf(before).join() === 'giang.dinh' &&
      idsOf(after).join() === 'giang.dinh',
  )
  const { page } = await comeBack(stage, old.key, one)
  tell.held(
    'The cancelled number can no longer sign in.',
    page.status === 400 && has(page.body, 'access_denied'),
  )
}
