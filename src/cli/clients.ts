/** One portal of the registry at a time, on the command line. */
import { stringify } from 'yaml'
import type { z } from 'zod'
import type { changed, listed, shown } from '../admin/client-output.ts'
import { eachPage } from './client.ts'
import { type ClientTools, type Command, type Commands, clientCommand, needed } from './command.ts'
import type { Page } from '../admin/paging.ts'

type Listed = z.output<typeof listed>
type Shown = z.output<typeof shown>
type Changed = z.output<typeof changed>

export const clientCommands: Commands = {
  'client list': clientCommand({
    call: '[--state STATE]',
    about: 'the portals: draft, active, suspended, retired',
    options: { state: 'string' },
    async run({ admin, print }, _args, { state }) {
      for await (const { clients } of eachPage<Page<'clients', Listed>>(admin, '/v1/clients', { state })) {
        for (const one of clients) {
          const how = `${one.token_endpoint_auth_method.padEnd(20)} level ${one.minimum_level}`
          print(
            `${one.client_id.padEnd(32)} ${one.state.padEnd(9)} ${how}  ${one.kinds.join(',')}  ${one.client_name}`,
          )
        }
      }
    },
  }),

  'client show': clientCommand({
    call: 'ID',
    about: 'a portal as a file of the registry would say it',
    async run({ admin, print }, args) {
      const { state, version, metadata } = await admin.call<Shown>('GET', pathOf(args[0]))
      print(`# version ${version}${state === 'retired' ? ', retired' : ''}`)
      const definition = state === 'retired' ? metadata : { ...metadata, state }
      print(stringify(definition, { lineWidth: 100 }).trimEnd())
    },
  }),

  'client history': clientCommand({
    call: 'ID',
    about: 'what was done to a portal, by whom and why',
    async run({ admin, print }, args) {
      for await (const { changes } of eachPage<Page<'changes', Changed>>(admin, `${pathOf(args[0])}/history`))
        for (const change of changes) tellChange(print, change)
    },
  }),

  'client activate': act('activate', 'ID [--reason TEXT]', 'let citizens in through a portal'),
  'client suspend': act('suspend', 'ID --reason TEXT', 'close a portal; what was issued to it ends'),
  'client retire': act('retire', 'ID --reason TEXT', 'end a draft or a suspended portal for good'),
}

function tellChange(
  print: ClientTools['print'],
  { at, actor, action, reason, version, changes }: Changed,
): void {
  const why = reason === null ? '' : `: ${reason}`
  print(`${at.slice(0, 16)}  version ${version}  ${action} by ${actor}${why}`)
  for (const { path, from, to } of changes) {
    if (from !== undefined) print(`  - ${path}: ${JSON.stringify(from)}`)
    if (to !== undefined) print(`  + ${path}: ${JSON.stringify(to)}`)
  }
}

const pathOf = (id: string | undefined) => `/v1/clients/${encodeURIComponent(needed(id, 'the ID'))}`

function act(what: 'activate' | 'suspend' | 'retire', call: string, about: string): Command {
  return clientCommand({
    call,
    about,
    options: { reason: 'string' },
    async run({ admin, print }, args, { reason }) {
      const path = `${pathOf(args[0])}/${what}`
      const given = what === 'activate' ? reason : needed(reason, '--reason')
      const { state } = await admin.call<{ state: string }>('POST', path, { ...(given && { reason: given }) })
      print(`${args[0]} is ${state}`)
    },
  })
}
