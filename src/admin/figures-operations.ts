/** The figures that each portal can read about itself, for operators. */
import { z } from 'zod'
import { type Figures, figuresAnswer, spanQuery } from '../portals/figures.ts'
import { clientId } from './mapping-input.ts'
import { type Operation, operation } from './operation.ts'
import { roles } from '../vocabulary.ts'

export function figuresOperations({ figures }: { figures: Figures }): Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/v1/figures',
      about:
        'Returns logins, refusals by code, links, logout deliveries, keys and secrets of one portal or of all.',
      roles,
      query: z.strictObject({ client: clientId.optional(), ...spanQuery }),
      answer: z.object({ portals: z.array(figuresAnswer) }),
      handle: async ({ query: { client, from, to } }) => ({
        portals: await figures.read({ clientId: client, from, to }),
      }),
    }),
  ]
}
