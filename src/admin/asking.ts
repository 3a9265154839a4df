/** Operations that may need a second person: they ask for an approval. */
import { z } from 'zod'
import type { Approvals, Asked } from '../approvals/approvals.ts'
import type { Kind } from '../approvals/kind.ts'
import { type Call, type Operation, operation } from './operation.ts'

export const waitingAnswer = z
  .strictObject({ approval: z.uuid(), expires_at: z.iso.datetime().nullable() })
  .meta({
    id: 'Waiting',
    description: 'An approval that waits for another person. `expires_at` is null if it does not expire.',
  })

/** Fields of an operation that always needs a second person. */
export const alwaysWaits = { status: 202, answer: waitingAnswer, twoPersons: true } as const

export function presentWaiting(asked: Asked): { approval: string; expires_at: Date | null } {
  if (!('approval' in asked))
    throw new Error('an operation that always needs a second person was carried out by one')
  return { approval: asked.approval, expires_at: asked.expiresAt }
}

export const asking = <Path extends string, Body, What>(
  approvals: Approvals,
  kind: Kind<What>,
  row: {
    readonly method: Operation['method']
    readonly path: Path
    readonly body: z.ZodType<Body>
    /** HTTP status of the answer when one person is enough. */
    readonly status?: number
    readonly answer?: z.ZodType
    asked(call: Pick<Call<Path, unknown, Body>, 'params' | 'body'>): What
  },
): Operation => {
  const { asked, ...rest } = row
  return operation<Path, unknown, Body, unknown>({
    ...rest,
    about: kind.about,
    roles: kind.askers,
    ...(kind.isAlone === undefined ? alwaysWaits : { twoPersons: true }),
    async handle({ operator, params, body, reference, ctx }) {
      const held = await approvals.ask(kind, asked({ params, body }), { actor: operator.id, reference })
      if ('answer' in held) return held.answer
      ctx.status = 202
      ctx.body = presentWaiting(held)
      return undefined
    },
  })
}
