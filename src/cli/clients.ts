/** Commands for one portal of the registry. */
import type { z } from 'zod'
import type { changed, listed, shown } from '../admin/client-output.ts'
import { eachPage } from './each-page.ts'
import { clientCommand, optional, required } from './command.ts'
import type { ClientTools } from './tools.ts'
import type { Page } from '../admin/paging.ts'

type Listed = z.output<typeof listed>
type Shown = z.output<typeof shown>
type Changed = z.output<typeof changed>

const ID = 'the portal’s client_id'

export const clientCommands = {
  'client list': clientCommand({
    about: 'list the portals',
    options: { state: optional('STATE', 'only portals in this state: draft, active, suspended or retired') },
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
    about: 'show a portal as a registry file defines it',
    args: { ID },
    async run({ admin, print }, args) {
      const { stringify } = await import('yaml')
      const { state, version, metadata } = await admin.call<Shown>('GET', pathOf(args.ID))
      print(`# version ${version}${state === 'retired' ? ', retired' : ''}`)
      const definition = state === 'retired' ? metadata : { ...metadata, state }
      print(stringify(definition, { lineWidth: 100 }).trimEnd())
    },
  }),

  'client history': clientCommand({
    about: 'show what was done to a portal, by whom and why',
    args: { ID },
    async run({ admin, print }, args) {
      for await (const { changes } of eachPage<Page<'changes', Changed>>(admin, `${pathOf(args.ID)}/history`))
        for (const change of changes) tellChange(print, change)
    },
  }),

  'client activate': clientCommand({
    about: 'put a portal into service',
    args: { ID },
    options: { reason: optional('TEXT', 'kept in the portal’s history') },
    run: (tools, args, { reason }) => move(tools, args.ID, 'activate', reason),
  }),

  'client suspend': clientCommand({
    about: 'take a portal out of service; its tokens end',
    args: { ID },
    options: { reason: required('TEXT', 'kept in the portal’s history') },
    run: (tools, args, { reason }) => move(tools, args.ID, 'suspend', reason),
  }),

  'client retire': clientCommand({
    about: 'retire a draft or suspended portal for good',
    args: { ID },
    options: { reason: required('TEXT', 'kept in the portal’s history') },
    run: (tools, args, { reason }) => move(tools, args.ID, 'retire', reason),
  }),
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

const pathOf = (id: string) => `/v1/clients/${encodeURIComponent(id)}`

async function move(
  { admin, print }: ClientTools,
  id: string,
  what: 'activate' | 'suspend' | 'retire',
  reason: string | undefined,
): Promise<void> {
  const path = `${pathOf(id)}/${what}`
  const { state } = await admin.call<{ state: string }>('POST', path, { ...(reason && { reason }) })
  print(`${id} is ${state}`)
}
