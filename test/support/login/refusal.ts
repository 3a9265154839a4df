/** Checks a refused sign-in: the portal's error, the database, the browser's session and the log. */
import { afterEach, expect } from 'vitest'
import { citizens } from '../../../src/sandbox/citizens.ts'
import { createVisitor } from '../../../src/sandbox/visitor.ts'
import { ask, encode, type Fields, wish } from '../wire.ts'
import { openWorld, portalDefinition, type World } from '../world.ts'

export const dialects = ['oidc', 'vneid'] as const
export type Dialect = (typeof dialects)[number]

/** A world for each dialect, with portals of several policies and a legacy account for each citizen, which no refused sign-in may link. */
export async function openBoth(): Promise<Readonly<Record<Dialect, World>>> {
  const [oidc, vneid] = await Promise.all(dialects.map(openStrict))
  const worlds = { oidc: oidc!, vneid: vneid! }
  afterEach(() => {
    for (const world of Object.values(worlds)) {
      world.simulator.approve('an')
      world.simulator.tamper({})
    }
  })
  return worlds
}

async function openStrict(dialect: Dialect): Promise<World> {
  const world = await openWorld({ dialect, environment: { UPSTREAM_TIMEOUT: '0.5' } })
  await world.register(
    portalDefinition('portal-a'),
    portalDefinition('only-level-2', { policy: { minimum_level: 2 } }),
    portalDefinition('everybody', {
      policy: { kinds: ['citizen', 'foreigner', 'organisation', 'representative'] },
    }),
    portalDefinition('foreigners', { policy: { kinds: ['foreigner'] } }),
  )
  for (const { key, number } of citizens.filter((citizen) => /^\d{12}$/.test(citizen.number))) {
    for (const clientId of ['portal-a', 'only-level-2']) {
      await world.legacyAccount({ clientId, accountId: `old-${key}`, number })
    }
  }
  return world
}

/** Counts of the rows that a sign-in writes. */
export async function traces(world: World) {
  const [row] = await world.db.query<
    Record<'subjects' | 'numbers' | 'links' | 'completed' | 'refused', number>
  >(
    `select (select count(*)::int from subject) as subjects, (select count(*)::int from identifier_key) as numbers,
       (select count(*)::int from account_link) as links,
       (select count(*)::int from audit_event where event = 'login.completed') as completed,
       (select count(*)::int from audit_event where event = 'login.refused') as refused`,
  )
  return row!
}
export const lastRefusal = async (world: World) => {
  const [row] = await world.db.query<{ client_id: string; subject_id: null; detail: { failure: string } }>(
    `select client_id, subject_id, detail from audit_event where event = 'login.refused' order by id desc limit 1`,
  )
  return row
}
export const expectNoSession = async (world: World, visitor: ReturnType<typeof createVisitor>) =>
  expect((await ask(world, wish('everybody', { prompt: 'none' }), visitor)).heard).toMatchObject({
    error: 'login_required',
  })

/** The whole promise: the portal gets an error with `state` and `iss`; no session and no row exist; the audit has an event. */
export async function expectRefusal(
  world: World,
  error: string,
  code: string,
  id = 'portal-a',
  changes: Fields = {},
) {
  const before = await traces(world)
  const { heard, visitor } = await ask(world, wish(id, changes))
  expect(heard).toEqual({
    error,
    error_description: expect.stringMatching(new RegExp(`^${code} \\([0-9A-Z]{10}\\)$`)) as string,
    state: 'st-1',
    iss: world.issuer,
  })
  expect(await traces(world)).toEqual({ ...before, refused: before.refused + 1 })
  expect(await lastRefusal(world)).toEqual({ client_id: id, subject_id: null, detail: { failure: code } })
  const line = world.logLines.findLast((text) => text.includes('login.refused'))!
  expect(JSON.parse(line)).toMatchObject({ client: id, failure: code })
  await expectNoSession(world, visitor)
}

/** A browser that VNeID has sent back, with the callback's address, which it has not opened yet. */
export async function atDoor(world: World, id = 'portal-a', visitor = createVisitor()) {
  const start = `${world.issuer}/auth?${encode(wish(id))}`
  const { url } = await visitor.open(start, {
    until: (address) => address.startsWith(`${world.issuer}/callback?`),
  })
  return { url, visitor }
}

export function expectSilentLog(world: World): void {
  const lines = world.logLines.join('')
  expect(lines).toContain('login.refused')
  for (const { number, name, birthDate, sub } of citizens) {
    const told = [
      number,
      name,
      name.normalize('NFC'),
      name.normalize('NFD'),
      sub,
      birthDate?.replaceAll('-', ''),
    ]
    for (const datum of told) if (datum !== undefined && datum.length > 4) expect(lines).not.toContain(datum)
  }
}
