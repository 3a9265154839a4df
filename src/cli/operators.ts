import { eachPage } from './client.ts'
import { type Commands, clientCommand, needed, sessionCommand } from './command.ts'
import { UsageError } from './told.ts'
import { type Held, tellHeld } from './decisions.ts'
import { readInputLines } from './input-lines.ts'
import { readOperatorId, readRoles, tellKey, withNewKey } from './operators-local.ts'
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
  readonly proposed_by: string | null
  readonly reason: string | null
  readonly roles: readonly string[] | null
}

export const operatorCommands: Commands = {
  'operator whoami': clientCommand({
    about: 'who you are here, and your roles',
    async run({ admin, print }) {
      const { id, roles } = await admin.call<Operator>('GET', '/v1/whoami')
      print(`${id}  ${roles.join(',')}`)
    },
  }),

  'operator list': clientCommand({
    about: 'all operators',
    async run({ admin, print }) {
      const operators: Listed[] = []
      for await (const page of eachPage<Page<'operators', Listed>>(admin, '/v1/operators'))
        operators.push(...page.operators)
      for (const { id, kind, roles, disabled_at: disabled, last_seen_at: seen } of operators) {
        const state = disabled === null ? `seen ${seen ?? 'never'}` : `disabled ${disabled}`
        print(`${id.padEnd(32)} ${kind.padEnd(7)} ${roles.join(',')}  ${state}`)
      }
    },
  }),

  'operator history': clientCommand({
    call: 'ID',
    about: 'what was done to an operator, by whom and why',
    async run({ admin, print }, args) {
      const path = `${pathOf(needed(args[0], 'the ID'))}/history`
      for await (const { changes } of eachPage<Page<'changes', Changed>>(admin, path))
        for (const { at, action, actor, proposed_by: asked, reason, roles } of changes) {
          const who = asked === null ? actor : `${actor}, asked by ${asked}`
          const what = roles === null ? action : `${action} (${roles.join(',')})`
          print(`${at.slice(0, 16)}  ${what} by ${who}${reason === null ? '' : `: ${reason}`}`)
        }
    },
  }),

  'operator add': clientCommand({
    call: 'ID --role ROLE[,…]\n--citizen\n--machine --key FILE',
    about:
      'a new operator, when a second person approves:\n' +
      'a person, whose number is read from the standard input;\na machine; its key lies in the new file',
    options: { role: 'string', key: 'string', citizen: 'boolean', machine: 'boolean' },
    async run({ admin, audience, print }, args, { role, key: file, citizen = false, machine = false }) {
      const id = readOperatorId(args[0])
      const roles = readRoles(needed(role, '--role'))
      if (citizen === machine) throw new UsageError('one of --citizen, --machine')
      if (machine) needed(file, '--key')
      else if (file !== undefined) throw new UsageError('a person makes the key himself: operator key')
      const [number] = citizen ? await readInputLines('identification number') : []
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
    call: 'ID ROLES',
    about: 'other roles, with commas between, when a second person approves',
    async run({ admin, print }, args) {
      const id = needed(args[0], 'the ID')
      const roles = readRoles(needed(args[1], 'the ROLES'))
      print(tellHeld(await admin.call<Held>('PATCH', pathOf(id), { roles }), `changed ${id}`))
    },
  }),

  'operator key': clientCommand({
    call: 'ID --key FILE\nID --remove',
    about:
      'another key, in a new file, when a second person approves;\nor none: a person then signs in with VNeID',
    options: { key: 'string', remove: 'boolean' },
    async run({ admin, audience, print }, args, { key, remove = false }) {
      const id = readOperatorId(args[0])
      if (remove === (key !== undefined)) throw new UsageError('one of --key FILE, --remove')
      const answer = await withNewKey({ id, audience: await audience(), file: key }, (made) =>
        admin.call<Held>('PUT', `${pathOf(id)}/key`, { public_key: made ?? null }),
      )
      print(`${tellHeld(answer, `changed ${id}`)}${tellKey(key)}`)
    },
  }),

  'operator number': clientCommand({
    call: 'ID',
    about: "a person's new number, from the standard input, when a second person approves",
    async run({ admin, print }, args) {
      const id = needed(args[0], 'the ID')
      const [number] = await readInputLines('new identification number')
      print(tellHeld(await admin.call<Held>('PATCH', pathOf(id), { citizen_id: number }), `changed ${id}`))
    },
  }),

  'operator enable': clientCommand({
    call: 'ID --reason TEXT',
    about: 'let a disabled or idle operator in again, when a second person approves',
    options: { reason: 'string' },
    async run({ admin, print }, args, options) {
      const id = needed(args[0], 'the ID')
      const reason = needed(options.reason, '--reason')
      print(tellHeld(await admin.call<Held>('POST', `${pathOf(id)}/enable`, { reason }), `enabled ${id}`))
    },
  }),

  'operator disable': clientCommand({
    call: 'ID --reason TEXT',
    about: 'bar an operator from now on',
    options: { reason: 'string' },
    async run({ admin, print }, args, options) {
      const id = needed(args[0], 'the ID')
      const reason = needed(options.reason, '--reason')
      await admin.call('POST', `${pathOf(id)}/disable`, { reason })
      print(`disabled ${id}`)
    },
  }),
}

/** Where a person's own sign-in begins and ends. */
export const signInCommands: Commands = {
  'operator sign-in': sessionCommand({
    about: 'sign in with VNeID, in a browser; good for eight hours',
    async run({ session, issuer, print }) {
      await session.signIn(needed(issuer, 'ISSUER'), print)
      print('signed in')
    },
  }),

  'operator sign-out': sessionCommand({
    about: 'end it, here and at the issuer',
    async run({ session, print }) {
      print((await session.signOut()) ? 'signed out' : 'nobody was signed in')
    },
  }),
}

const pathOf = (id: string) => `/v1/operators/${encodeURIComponent(id)}`
