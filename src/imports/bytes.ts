/** The bytes of an imported file → UTF-8 in small pieces, decompressed, counted and validated while streaming. */
import { isUtf8 } from 'node:buffer'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { BrokerError } from '../errors.ts'
import { formatOfBytes, headSize } from './formats.ts'
import { encodingOfBytes } from './vietnamese-encodings.ts'

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

/** Pieces end between characters. Valid bytes before a fault are yielded before the fault is thrown. */
export async function* utf8Pieces(source: AsyncIterable<Buffer>, limits: ByteLimits): AsyncGenerator<Buffer> {
  const place = createPlace()
  let total = 0
  let rest: Buffer = Buffer.alloc(0)
  try {
    const chunks = unpacked(source, limits)
    for await (const chunk of chunks) {
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
          const sample = [place.tail(), bytes.subarray(sound.length), chunk.subarray(start + pieceSize)]
          throw new BytesFault(notUtf8(await around(sample, chunks)))
        }
        yield piece
        place.pass(piece)
      }
    }
    if (rest.length > 0) throw new BytesFault(notUtf8())
  } catch (error) {
    if (error instanceof BytesFault) throw invalidFile(`${place.here()}: ${error.message}`)
    throw error
  }
}

/** @param sample bytes around the fault */
function notUtf8(sample: Buffer = Buffer.alloc(0)): string {
  const encoding = encodingOfBytes(sample)
  const probably = encoding === undefined ? '' : ` but probably ${encoding}`
  return `not UTF-8${probably}; save the file as UTF-8 and import it again`
}

/** Bytes before and after a fault, by which its encoding is recognised. */
const tailSize = 64
const sampleSize = 2048

async function around(known: Buffer[], chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  let sample = Buffer.concat(known)
  if (sample.length < sampleSize)
    for await (const chunk of chunks) {
      sample = Buffer.concat([sample, chunk])
      if (sample.length >= sampleSize) break
    }
  return sample.subarray(0, sampleSize)
}

/** A fault below the level of fields: its position is a line and a byte offset. */
class BytesFault extends Error {}

function createPlace() {
  let line = 1
  let bytes = 0
  let tail: Buffer = Buffer.alloc(0)
  /** Whether the last byte was a carriage return, which a line feed may follow. */
  let isEnding = false
  return {
    pass(piece: Buffer) {
      if (piece.length === 0) return
      let last = -1
      let count = 0
      for (const end of [10, 13])
        for (let at = piece.indexOf(end); at !== -1; at = piece.indexOf(end, at + 1)) {
          last = Math.max(last, at)
          // CRLF is one end, and counts at its line feed.
          if (end === 10 || (at + 1 < piece.length && piece[at + 1] !== 10)) count++
        }
      if (isEnding && piece[0] !== 10) count++
      isEnding = piece.at(-1) === 13
      line += count
      bytes = last === -1 ? bytes + piece.length : piece.length - last - 1
      tail = Buffer.concat([tail, piece.subarray(-tailSize)]).subarray(-tailSize)
    },
    /** The last bytes that were passed. */
    tail: () => tail,
    here: () => `line ${line + (isEnding ? 1 : 0)}, column ${bytes + 1} in bytes`,
  }
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
  const [head, all] = await opened(source)
  if (!isGzip(head)) yield* all
  else {
    const [inner, unzipped] = await opened(gunzip(all, limits))
    if (isGzip(inner)) throw new BytesFault('the file is compressed twice; compress it once')
    yield* unzipped
  }
}
const isGzip = (head: Buffer) => head[0] === 0x1f && head[1] === 0x8b

/** @returns the first bytes, and all of them */
async function opened(source: AsyncIterable<Buffer>): Promise<[head: Buffer, all: AsyncGenerator<Buffer>]> {
  const chunks = source[Symbol.asyncIterator]()
  let head: Buffer = Buffer.alloc(0)
  while (head.length < headSize) {
    const next = await chunks.next()
    if (next.done === true) break
    head = Buffer.concat([head, next.value])
  }
  const format = formatOfBytes(head.subarray(0, headSize))
  if (format === undefined) return [head, resume(head, chunks)]
  await chunks.return?.()
  throw new BytesFault(format)
}

async function* resume(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield head
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
  } finally {
    await chunks.return?.()
  }
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
