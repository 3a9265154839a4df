import { eachPage } from './each-page.ts'
import { clientCommand, flag, optional, required, sessionCommand } from './command.ts'
import { UsageError } from './told.ts'
import { type Held, tellHeld } from './approvals.ts'
import { readInputLines } from './input-lines.ts'
import { readOperatorId, readRoles, roleHelp, tellKey, withNewKey } from './operator-input.ts'
import type { Operator } from '../operators/operator.ts'
import type { Page } from '../admin/paging.ts'

interface Listed extends Operator {
  readonly disabled_at: string | null
  readonly last_seen_at: string | null
}

interface Changed {
  readonly at: string
  readonly action: string
  readonly actor: string
  readonly asked_by: string | null
  readonly reason: string | null
  readonly roles: readonly string[] | null
}

const ID = 'the operator'
const keptReason = required('TEXT', 'kept in the operator’s history')

export const operatorCommands = {
  'operator whoami': clientCommand({
    about: 'show who you are, and your roles',
    async run({ admin, print }) {
      const { id, roles } = await admin.call<Operator>('GET', '/v1/whoami')
      print(`${id}  ${roles.join(',')}`)
    },
  }),

  'operator list': clientCommand({
    about: 'list all operators',
    async run({ admin, print }) {
      for await (const { operators } of eachPage<Page<'operators', Listed>>(admin, '/v1/operators'))
        for (const { id, kind, roles, disabled_at: disabled, last_seen_at: seen } of operators) {
          const state = disabled === null ? `seen ${seen ?? 'never'}` : `disabled ${disabled}`
          print(`${id.padEnd(32)} ${kind.padEnd(7)} ${roles.join(',')}  ${state}`)
        }
    },
  }),

  'operator history': clientCommand({
    about: 'show what was done to an operator, by whom and why',
    args: { ID },
    async run({ admin, print }, args) {
      const path = `${pathOf(args.ID)}/history`
      for await (const { changes } of eachPage<Page<'changes', Changed>>(admin, path))
        for (const { at, action, actor, asked_by: asked, reason, roles } of changes) {
          const who = asked === null ? actor : `${actor}, asked by ${asked}`
          const what = roles === null ? action : `${action} (${roles.join(',')})`
          print(`${at.slice(0, 16)}  ${what} by ${who}${reason === null ? '' : `: ${reason}`}`)
        }
    },
  }),

  'operator add': clientCommand({
    about: 'add an operator, when a second person approves',
    args: { ID: 'the name of the new operator' },
    options: {
      role: required('ROLE[,…]', roleHelp),
      key: optional('FILE', 'write the machine’s new key to this new file'),
      citizen: flag('a person, whose number is read from the standard input'),
      machine: flag('a machine; needs --key'),
    },
    oneOf: ['citizen', 'machine'],
    async run({ admin, audience, print, terminal }, args, { role, key: file, citizen, machine }) {
      const id = await readOperatorId(args.ID)
      const roles = readRoles(role)
      if (machine && !file) throw new UsageError('--key is missing')
      if (citizen && file !== undefined)
        throw new UsageError('--key is for machines; a person makes a key with "operator key"')
      const [number] = citizen ? await readInputLines(terminal, 'identification number') : []
      const answer = await withNewKey({ id, audience: await audience(), file }, (key) =>
        admin.call<Held>('POST', '/v1/operators', {
          id,
          roles,
          ...(key && { public_key: key }),
          ...(number !== undefined && { citizen_id: number }),
        }),
      )
      print(`${tellHeld(answer, `created ${id}`)}${tellKey(file)}`)
    },
  }),

  'operator roles': clientCommand({
    about: 'change roles, when a second person approves',
    args: { ID, ROLES: `separated by commas: ${roleHelp}` },
    async run({ admin, print }, { ID: id, ROLES: given }) {
      const roles = readRoles(given)
      print(tellHeld(await admin.call<Held>('PATCH', pathOf(id), { roles }), `changed ${id}`))
    },
  }),

  'operator key': clientCommand({
    about: 'replace or remove a key, when a second person approves',
    args: { ID },
    options: {
      key: optional('FILE', 'write the new key to this new file'),
      remove: flag('remove the key; a person then signs in with VNeID'),
    },
    oneOf: ['key', 'remove'],
    async run({ admin, audience, print }, args, { key }) {
      const id = await readOperatorId(args.ID)
      const answer = await withNewKey({ id, audience: await audience(), file: key }, (made) =>
        admin.call<Held>('PUT', `${pathOf(id)}/key`, { public_key: made ?? null }),
      )
      print(`${tellHeld(answer, `changed ${id}`)}${tellKey(key)}`)
    },
  }),

  'operator number': clientCommand({
    about: 'change a person’s number, read from the standard input, when a second person approves',
    args: { ID },
    async run({ admin, print, terminal }, { ID: id }) {
      const [number] = await readInputLines(terminal, 'new identification number')
      print(tellHeld(await admin.call<Held>('PATCH', pathOf(id), { citizen_id: number }), `changed ${id}`))
    },
  }),

  'operator enable': clientCommand({
    about: 'enable a disabled or idle operator, when a second person approves',
    args: { ID },
    options: { reason: keptReason },
    async run({ admin, print }, { ID: id }, body) {
      print(tellHeld(await admin.call<Held>('POST', `${pathOf(id)}/enable`, { ...body }), `enabled ${id}`))
    },
  }),

  'operator disable': clientCommand({
    about: 'disable an operator at once',
    args: { ID },
    options: { reason: keptReason },
    async run({ admin, print }, { ID: id }, body) {
      await admin.call('POST', `${pathOf(id)}/disable`, { ...body })
      print(`disabled ${id}`)
    },
  }),
}

/** The start and the end of a person's own sign-in. */
export const signInCommands = {
  'operator sign-in': sessionCommand({
    about: 'sign in with VNeID, in a browser; valid for eight hours',
    async run({ session, issuer, print }) {
      if (issuer === undefined) throw new UsageError('the setting ISSUER is missing')
      await session.signIn(issuer, print)
      print('signed in')
    },
  }),

  'operator sign-out': sessionCommand({
    about: 'sign out, here and at the issuer',
    async run({ session, print }) {
      print((await session.signOut()) ? 'signed out' : 'not signed in')
    },
  }),
}

const pathOf = (id: string) => `/v1/operators/${encodeURIComponent(id)}`
