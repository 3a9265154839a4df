/** Encodes rows in PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"). */

export type CopyType = 'int8' | 'int4' | 'text' | 'bytea' | 'bytea[]' | 'date'
export type CopyValue = string | number | Buffer | readonly Buffer[] | null

const signature = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const end = Buffer.from([0xff, 0xff])
const byteaOid = 17
const dayZero = Date.UTC(2000, 0, 1)
/** Cache: `YYYY-MM-DD` → days since 2000-01-01. A file repeats the same few thousand dates. */
const days = new Map<string, number>()

/**
 * Encodes rows into one buffer as they are added; a buffer per field, or rows kept as objects, would cost more than all
 * other work. The buffer grows to the largest batch and is reused.
 */
export class CopyPage {
  readonly #types: readonly CopyType[]
  #buffer = Buffer.allocUnsafe(1 << 20)
  #used = 0
  #rows = 0

  constructor(types: readonly CopyType[]) {
    this.#types = types
  }

  get rows(): number {
    return this.#rows
  }

  /** @param values in the order of the types */
  add(values: readonly CopyValue[]): void {
    this.#rows += 1
    this.#int16(this.#types.length)
    for (let index = 0; index < this.#types.length; index++)
      this.#value(this.#types[index]!, values[index] ?? null)
  }

  /** The encoded rows, valid until the next `clear`. */
  bytes(): Buffer[] {
    return [signature, this.#buffer.subarray(0, this.#used), end]
  }

  clear(): void {
    this.#used = 0
    this.#rows = 0
  }

  #room(size: number): number {
    const at = this.#used
    this.#used += size
    if (this.#used > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#used))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    return at
  }

  #int16(value: number): void {
    const at = this.#room(2)
    this.#buffer.writeInt16BE(value, at)
  }
  #int32(value: number): void {
    const at = this.#room(4)
    this.#buffer.writeInt32BE(value, at)
  }
  #bytes(value: Buffer): void {
    this.#int32(value.length)
    const at = this.#room(value.length)
    value.copy(this.#buffer, at)
  }

  #value(type: CopyType, value: CopyValue): void {
    if (value === null) return this.#int32(-1)
    switch (type) {
      case 'int8': {
        this.#int32(8)
        const at = this.#room(8)
        this.#buffer.writeBigInt64BE(BigInt(value as number), at)
        return
      }
      case 'int4':
        this.#int32(4)
        return this.#int32(value as number)
      case 'date':
        this.#int32(4)
        return this.#int32(daysOf(value as string))
      case 'text': {
        const text = value as string
        const size = Buffer.byteLength(text)
        this.#int32(size)
        const at = this.#room(size)
        this.#buffer.write(text, at)
        return
      }
      case 'bytea':
        return this.#bytes(value as Buffer)
      case 'bytea[]': {
        const items = value as readonly Buffer[]
        // Dimensions, no nulls, element type, length, lower bound 1.
        this.#int32(items.reduce((sum, item) => sum + 4 + item.length, 20))
        for (const word of [1, 0, byteaOid, items.length, 1]) this.#int32(word)
        for (const item of items) this.#bytes(item)
      }
    }
  }
}

function daysOf(date: string): number {
  let count = days.get(date)
  if (count === undefined) {
    count = (Date.parse(date) - dayZero) / 86_400_000
    if (days.size < 50_000) days.set(date, count)
  }
  return count
}
