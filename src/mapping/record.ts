/**
 * What a portal recorded of a legacy account: at rest only sealed, and found by keyed hashes only. The portal's
 * own account id is among it, for at many a portal it was the citizen's number, e-mail address or telephone.
 */
import { hkdfSync } from 'node:crypto'
import { type CitizenKeys, Identifier, type IdentifierType } from '../citizen-id.ts'
import { createKeyedHash } from '../crypto/keyed-hash.ts'
import { createSeal } from '../crypto/seal.ts'

export interface LegacyRecord {
  /** The portal's own, taken letter by letter. */
  readonly accountId: string
  /** The number that the account may be linked by. */
  readonly identifier?: Identifier
  /** Chứng minh nhân dân, 9 digits: a hint for a person who searches, never a proof. */
  readonly cmnd?: string
  /** Mã số thuế: 10 digits and perhaps a branch `-NNN`, or a person's 12-digit number (from 1/7/2025). */
  readonly taxCode?: string
  /** Any other paper, or what stood where a number should. */
  readonly other?: string
  readonly name?: string
  /** `YYYY-MM-DD`, or `YYYY` where only the year is known. */
  readonly birthDate?: string
}

export interface LegacyRecords {
  /** 16 bytes that name the account among the portal's; the same for ever, whatever keys are rotated. */
  accountKey(clientId: string, accountId: string): Buffer
  /** Under every index key, the newest first, as numbers are. */
  numberKeys(identifier: Identifier): Buffer[]
  cmndKeys(cmnd: string): Buffer[]
  /** Equal for equal content, under every index key, the newest first; 16 bytes each. */
  digests(content: string): Buffer[]
  seal(accountKey: Buffer, record: LegacyRecord): Buffer
  open(accountKey: Buffer, sealed: Buffer): LegacyRecord
}

/** Short names: there are ten million of these. */
interface Stored {
  a: string
  t?: IdentifierType
  n?: string
  c?: string
  x?: string
  o?: string
  m?: string
  b?: string
}

/** @param keys `pairwise` is the one that never changes: account keys are derived from it */
export function createLegacyRecords({
  citizenKeys,
  keys,
}: {
  citizenKeys: CitizenKeys
  keys: { readonly index: readonly Buffer[]; readonly seal: readonly Buffer[]; readonly pairwise: Buffer }
}): LegacyRecords {
  const accounts = createKeyedHash(
    Buffer.from(hkdfSync('sha256', keys.pairwise, Buffer.alloc(0), 'legacy account id', 32)),
  )
  const ring = keys.index.map((key) => createKeyedHash(key))
  const seal = createSeal(keys.seal, 'legacy account')

  return {
    accountKey: (clientId, accountId) => accounts(`${clientId}\0${accountId}`).subarray(0, 16),
    numberKeys: (identifier) => citizenKeys.keys(identifier),
    cmndKeys: (cmnd) => ring.map((keyed) => keyed(`cmnd\0${cmnd}`)),
    digests: (content) => ring.map((keyed) => keyed(`content\0${content}`).subarray(0, 16)),
    seal(accountKey, { accountId, identifier, cmnd, taxCode, other, name, birthDate }) {
      const stored: Stored = { a: accountId }
      if (identifier !== undefined) {
        stored.t = identifier.type
        stored.n = identifier.reveal()
      }
      if (cmnd !== undefined) stored.c = cmnd
      if (taxCode !== undefined) stored.x = taxCode
      if (other !== undefined) stored.o = other
      if (name !== undefined) stored.m = name
      if (birthDate !== undefined) stored.b = birthDate
      return seal.seal(JSON.stringify(stored), accountKey)
    },
    open(accountKey, sealed) {
      const { a, t, n, c, x, o, m, b } = JSON.parse(seal.open(sealed, accountKey)) as Stored
      return {
        accountId: a,
        ...(t !== undefined && { identifier: Identifier.parse(t, n) }),
        ...(c !== undefined && { cmnd: c }),
        ...(x !== undefined && { taxCode: x }),
        ...(o !== undefined && { other: o }),
        ...(m !== undefined && { name: m }),
        ...(b !== undefined && { birthDate: b }),
      }
    },
  }
}
