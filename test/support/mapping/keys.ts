/** Keys and persons that several processes of a test share. */
import { Identifier } from '../../../src/citizen-id.ts'
import type { SignIn } from '../../../src/login/sign-in.ts'

export const testKeys = {
  index: [Buffer.alloc(32, 1)],
  seal: [Buffer.alloc(32, 2)],
  pairwise: Buffer.alloc(32, 3),
}
/** The number of a man from Hà Nội, born in 1990. */
export const numberOf = (person: number): string => `001090${String(person).padStart(6, '0')}`

export const identityOf = (person: number): Parameters<SignIn>[0] => ({
  kind: 'citizen',
  identifier: Identifier.parse('citizen_id', numberOf(person)),
  level: 2,
  authenticatedAt: 1,
})
export const occasionAt = (clientId: string): Parameters<SignIn>[1] => ({
  requirement: { clientId, kinds: ['citizen'], level: 1, levelAsked: false, essentialAcrs: undefined },
  reference: 'R',
  sso: false,
})
