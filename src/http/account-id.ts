/** Ids and numbers that portals and operators send. */
import { z } from 'zod'
import { faultOfId } from '../vocabulary.ts'

/** A portal's own id of an account. An import refuses the same ids, so that no other can be found. */
export const idOfAccount = z
  .string()
  .min(1)
  .max(256)
  .superRefine((id, context) => {
    const message = faultOfId(id)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
  .meta({
    description:
      'The portal’s own id of an account, exactly as the portal has it: no control, text direction or invisible characters.',
  })

/** A number of so many digits. A digit that is not seen as one is reported, because people copy numbers from documents. */
export const numberOf = (digits: number) =>
  z.string().regex(new RegExp(`^\\d{${digits}}$`), {
    error({ input }) {
      const fault = typeof input === 'string' ? faultOfId(input) : undefined
      return `must be ${digits} digits${fault === undefined ? '' : `; ${fault}`}`
    },
  })
