/** The operations that need two mapping officers: a link by hand, another number for an account, a person's new number. */
import type { CitizenKeys } from '../citizen-id.ts'
import { createAcceptance } from './changed-number.ts'
import { linkByHand } from './link-by-hand.ts'
import type { LegacyRecords } from './record.ts'
import { createRekey } from './rekey.ts'

export function createMappingKinds({
  citizenKeys,
  records,
}: {
  citizenKeys: CitizenKeys
  records: LegacyRecords
}) {
  const accept = createAcceptance({ records })
  return {
    link: linkByHand,
    accept,
    rekey: createRekey({ citizenKeys }),
    /** The operation that confirming a case asks for. */
    confirming: ({ reason }: { readonly reason: string }) =>
      reason === 'number_changed' ? accept : linkByHand,
  }
}
export type MappingKinds = ReturnType<typeof createMappingKinds>
