/** The bytes of an imported file → UTF-8 in small pieces, decompressed, counted and validated while streaming. */
import { isUtf8 } from 'node:buffer'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { BrokerError } from '../errors.ts'

export interface ByteLimits {
  /** Largest size of the decompressed file, in bytes. */
  readonly bytes: number
  /** Largest ratio of decompressed to compressed bytes, checked after `ratioFrom` decompressed bytes. */
  readonly ratio: number
  readonly ratioFrom: number
}

/** @param detail what is wrong and where; must not quote the file, because it contains personal data */
export const invalidFile = (detail: string) => new BrokerError('import_invalid', detail)

/** Bytes. Small, so that an invalid byte late in a chunk does not hide an earlier fault that the CSV reader finds. */
const pieceSize = 65_536

/** First bytes of files that are not UTF-8 text but are often sent by mistake. */
const foreign: readonly [magic: number[], advice: string][] = [
  [[0xff, 0xfe], 'the file is UTF-16; save it as UTF-8'],
  [[0xfe, 0xff], 'the file is UTF-16; save it as UTF-8'],
  [[0x50, 0x4b, 0x03, 0x04], 'the file is a workbook or a zip archive; save it as CSV in UTF-8'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'the file is a workbook; save it as CSV in UTF-8'],
]

/** Pieces end between characters. Valid bytes before a fault are yielded before the fault is thrown. */
export async function* utf8Pieces(source: AsyncIterable<Buffer>, limits: ByteLimits): AsyncGenerator<Buffer> {
  const place = createPlace()
  let total = 0
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of unpacked(source, limits)) {
      for (let start = 0; start < chunk.length; start += pieceSize) {
        const added = chunk.subarray(start, start + pieceSize)
        total += added.length
        if (total > limits.bytes)
          throw new BytesFault(`larger than ${limits.bytes} bytes when decompressed; split the file`)
        const bytes = rest.length === 0 ? added : Buffer.concat([rest, added])
        const end = bytes.length - unfinished(bytes)
        const piece = bytes.subarray(0, end)
        rest = bytes.subarray(end)
        if (!isUtf8(piece)) {
          const sound = piece.subarray(0, firstInvalid(piece))
          place.pass(sound)
          yield sound
          throw new BytesFault(notUtf8)
        }
        yield piece
        place.pass(piece)
      }
    }
    if (rest.length > 0) throw new BytesFault(notUtf8)
  } catch (error) {
    if (error instanceof BytesFault) throw invalidFile(`${place.here()}: ${error.message}`)
    throw error
  }
}

const notUtf8 = 'not UTF-8; save the file as UTF-8 and import it again'

/** A fault below the level of fields: its position is a line and a byte offset. */
class BytesFault extends Error {}

function createPlace() {
  let line = 1
  let bytes = 0
  return {
    pass(piece: Buffer) {
      line += newlines(piece)
      const last = piece.lastIndexOf(10)
      bytes = last === -1 ? bytes + piece.length : piece.length - last - 1
    },
    here: () => `line ${line}, column ${bytes + 1} in bytes`,
  }
}

function newlines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count++
  return count
}

/** Number of bytes at the end that begin a character which the next chunk may complete (RFC 3629 §3). */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return 0
    if (byte < 0xc0) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return length > back ? back : 0
  }
  return 0
}

function firstInvalid(bytes: Buffer): number {
  // Invalid bytes decode as U+FFFD, but the file may also contain a valid U+FFFD.
  const text = bytes.toString()
  let offset = 0
  let from = 0
  for (;;) {
    const at = text.indexOf('\ufffd', from)
    offset += Buffer.byteLength(text.slice(from, at))
    if (bytes.toString('latin1', offset, offset + 3) !== '\xef\xbf\xbd') return offset
    offset += 3
    from = at + 1
  }
}

async function* unpacked(source: AsyncIterable<Buffer>, limits: ByteLimits): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]()
  try {
    let head: Buffer = Buffer.alloc(0)
    while (head.length < 4) {
      const next = await chunks.next()
      if (next.done === true) break
      head = Buffer.concat([head, next.value])
    }
    const known = foreign.find(([magic]) => magic.every((byte, index) => head[index] === byte))
    if (known !== undefined) throw new BytesFault(known[1])
    const all = resume(head, chunks)
    yield* head[0] === 0x1f && head[1] === 0x8b ? gunzip(all, limits) : all
  } finally {
    await chunks.return?.()
  }
}

async function* resume(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
}

async function* gunzip(source: AsyncIterable<Buffer>, limits: ByteLimits): AsyncGenerator<Buffer> {
  const inflated = createGunzip()
  // The loop below throws every error of both streams.
  pipeline(source, inflated).catch(() => {})
  let total = 0
  try {
    for await (const chunk of inflated as AsyncIterable<Buffer>) {
      total += chunk.length
      if (total > limits.ratioFrom && total > limits.ratio * inflated.bytesWritten)
        throw new BytesFault(`the gzip data decompresses to more than ${limits.ratio} times its size`)
      yield chunk
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'Z_BUF_ERROR') throw new BytesFault('the gzip data is truncated; send the whole file')
    if (code?.startsWith('Z_') === true)
      throw new BytesFault('the gzip data is corrupt; compress the file again')
    throw error
  }
}
