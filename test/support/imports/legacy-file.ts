/** Reads a portal's file in chunks, as an upload. */
import { BrokerError } from '../../../src/errors.ts'
import { type RawRow, readLegacyFile } from '../../../src/imports/file.ts'

type Limits = NonNullable<Parameters<typeof readLegacyFile>[1]>
export const bytesOf = (content: string | Buffer) => Buffer.from(content as string)

export async function* inChunks(content: Buffer, size: number | readonly number[]): AsyncGenerator<Buffer> {
  const sizes = typeof size === 'number' ? [size] : size
  for (let at = 0, turn = 0; at < content.length; turn++) {
    const length = sizes[turn % sizes.length]!
    yield content.subarray(at, at + length)
    at += length
  }
}

export async function rowsOf(source: AsyncIterable<Buffer>, options?: Limits): Promise<RawRow[]> {
  const rows: RawRow[] = []
  for await (const batch of readLegacyFile(source, options)) rows.push(...batch)
  return rows
}
/** The rows of the file, or the reason of its refusal. */
export async function outcome(
  content: string | Buffer,
  { chunk = 65_536, ...options }: { chunk?: number | readonly number[] } & Limits = {},
): Promise<RawRow[] | string> {
  try {
    return await rowsOf(inChunks(bytesOf(content), chunk), options)
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'import_invalid') return error.detail!
    throw error
  }
}
export const row = (line: number, fields: RawRow['fields']): RawRow => ({ line, fields })
export const plain = `account_id,citizen_id,name
an,001085999901,Nguyễn Văn An
binh,079190999902,Trần Thị Bình
`
