/** Operations on one portal of the registry. */
import { z } from 'zod'
import { BrokerError } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'
import { actOnClient, applyRegistration } from '../registry/apply.ts'
import { listClientChanges, pageClients } from '../store/client-changes.ts'
import { findClients } from '../store/clients.ts'
import type { Database } from '../store/db.ts'
import {
  changed,
  definition,
  listed,
  shown,
  state,
  presentChange,
  presentListed,
  presentShown,
} from './client-output.ts'
import { clientId, words } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'
import type { Role } from '../vocabulary.ts'
import { limit, numberCursor, pageEnd, pageOf } from './paging.ts'

export const readers = ['viewer', 'registrar', 'auditor', 'security_officer'] as const satisfies Role[]
const etagOf = (version: number): string => `"${version}"`

const done = z.object({ client_id: z.string(), state, version: z.int() })

export function clientOperations({ db, log }: { db: Database; log: Log }): Operation[] {
  async function find(id: string) {
    const [row] = await findClients(db, [id])
    if (row === undefined) throw new BrokerError('not_found', 'there is no portal with this id')
    return row
  }
  /** @param reason schema of the reason that the operator gives */
  const act = (
    what: 'activate' | 'suspend' | 'retire',
    about: string,
    roles: Role[],
    reason: z.ZodType<string | undefined>,
  ) =>
    operation({
      method: 'POST',
      path: `/v1/clients/:id/${what}`,
      about,
      roles,
      body: z.strictObject({ reason }),
      answer: done,
      refuses: what === 'activate' ? ['client_incomplete'] : [],
      async handle({ operator, params, body, reference, ctx }) {
        const by = { actor: operator.id, reason: body.reason, reference }
        const moved = await actOnClient({ db, log }, { id: params.id, act: what }, by)
        ctx.set('etag', etagOf(moved.version))
        return { client_id: params.id, ...moved }
      },
    })

  return [
    operation({
      method: 'GET',
      path: '/v1/clients',
      about: 'Lists the portals of the registry, ordered by id.',
      roles: readers,
      query: z.strictObject({ after: clientId.optional(), limit, state: state.optional() }),
      answer: z.object({ clients: z.array(listed), ...pageEnd }),
      async handle({ query }) {
        const { after = '', limit: most, state: wanted } = query
        const found = await pageClients(db, { after, state: wanted, limit: most + 1 })
        const { rows, end } = pageOf(found, { limit: most, after: query.after }, ({ id }) => id)
        return { clients: rows.map(presentListed), ...end }
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/clients/:id',
      about: 'Returns one portal: its state and its full definition.',
      roles: readers,
      answer: shown,
      async handle({ params, ctx }) {
        const row = await find(params.id)
        ctx.set('etag', etagOf(row.version))
        return presentShown(row)
      },
    }),

    operation({
      method: 'GET',
      path: '/v1/clients/:id/history',
      about: 'Lists the changes of a portal, with actor and reason, oldest first.',
      roles: readers,
      query: z.strictObject({
        after: numberCursor.optional(),
        limit,
      }),
      answer: z.object({ changes: z.array(changed), ...pageEnd }),
      async handle({ params, query }) {
        const { id } = await find(params.id)
        const { after = '0', limit: most } = query
        const found = await listClientChanges(db, { clientId: id, after, limit: most + 1 })
        const { rows, end } = pageOf(found, { limit: most, after: query.after }, (row) => row.id)
        return { changes: rows.map(presentChange), ...end }
      },
    }),

    operation({
      method: 'PUT',
      path: '/v1/clients/:id',
      about:
        'Creates a portal (If-Match: "0") or replaces its definition, and moves it to the state that the definition names. A suspended portal is activated only by `activate`.',
      roles: ['registrar'],
      body: definition.pipe(z.looseObject({ client_id: z.string() })),
      answer: done,
      conditional: true,
      refuses: ['definition_invalid', 'client_incomplete'],
      async handle({ operator, params, body, ifMatch, reference, ctx }) {
        if (body.client_id !== params.id)
          throw new BrokerError('input_invalid', 'client_id: must be equal to the id in the path')
        const what = {
          definitions: [body],
          versions: new Map([[params.id, Number(ifMatch)]]),
          secrets: new Map(),
          retire: new Map(),
        }
        const [applied] = await applyRegistration({ db, log }, what, { actor: operator.id, reference })
        ctx.set('etag', etagOf(applied!.version))
        return { client_id: params.id, state: applied!.state, version: applied!.version }
      },
    }),

    act('activate', 'Activates the portal: citizens can sign in.', ['registrar'], words.optional()),
    act(
      'suspend',
      'Suspends the portal; all its tokens and sessions become invalid.',
      ['registrar', 'security_officer'],
      words,
    ),
    act('retire', 'Retires a draft or a suspended portal. This cannot be undone.', ['registrar'], words),
  ]
}
