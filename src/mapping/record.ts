/**
 * A portal's record of a legacy account. It is stored only sealed, and found only by keyed hashes. That includes the
 * portal's own account id, because many portals use the citizen's number, e-mail address or telephone number as the id.
 */
import { hkdfSync } from 'node:crypto'
import { type CitizenKeys, Identifier, type IdentifierType } from '../citizen-id.ts'
import { createKeyedHash } from '../crypto/keyed-hash.ts'
import { createSeal } from '../crypto/seal.ts'

export interface LegacyRecord {
  /** The portal's own account id; case-sensitive. */
  readonly accountId: string
  /** The number that the account may be linked by. */
  readonly identifier?: Identifier
  /** Chứng minh nhân dân, 9 digits. It helps an operator to search, and proves nothing. */
  readonly cmnd?: string
  /** Mã số thuế: 10 digits and perhaps a branch `-NNN`, or a person's 12-digit number (from 1/7/2025). */
  readonly taxCode?: string
  /** Numbers of other papers, or the content of a number field that is not a number. */
  readonly other?: string
  readonly name?: string
  /** `YYYY-MM-DD`, or `YYYY` where only the year is known. */
  readonly birthDate?: string
}

export interface LegacyRecords {
  /** Keyed hash of the portal and its account id, 16 bytes. It never changes, even if keys are rotated. */
  accountKey(clientId: string, accountId: string): Buffer
  /** Keyed hashes of the number under every index key, newest key first. */
  numberKeys(identifier: Identifier): Buffer[]
  cmndKeys(cmnd: string): Buffer[]
  /** Keyed hashes of a row's content under every index key, newest key first; 16 bytes each. */
  digests(content: string): Buffer[]
  seal(accountKey: Buffer, record: LegacyRecord): Buffer
  open(accountKey: Buffer, sealed: Buffer): LegacyRecord
}

/** The stored form. Names are short because there are ten million records. */
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

/** @param keys account keys are derived from `pairwise`, the only key that never changes */
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
