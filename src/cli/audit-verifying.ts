/** `audit verify`: verifies an export from the API or from a file against public keys that were kept elsewhere. */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { linesOf } from '../proof/lines.ts'
import { readPublicKeys } from '../proof/checkpoint-header.ts'
import { type Verdict, verifyAudit } from '../proof/verify.ts'
import { Told, UsageError } from './told.ts'

export async function verifyFrom(
  source: { readonly file: string } | { open(): Promise<Readable> },
  { keyFile, expected }: { keyFile: string | undefined; expected: string | undefined },
): Promise<Verdict> {
  const keys = keyFile === undefined ? undefined : await readKeys(keyFile)
  const checkpoint = expected === undefined ? undefined : parseCheckpoint(expected)
  const bytes = 'file' in source ? openFile(source.file) : await source.open()
  return verifyAudit(linesOf(bytes.setEncoding('utf8')), { keys, expected: checkpoint })
}

function openFile(file: string): Readable {
  const source = createReadStream(file, { highWaterMark: 1 << 20 })
  if (!file.endsWith('.gz')) return source
  const plain = createGunzip()
  source.once('error', (error) => plain.destroy(error))
  return source.pipe(plain)
}

async function readKeys(file: string) {
  const text = await readFile(file, 'utf8')
  try {
    return readPublicKeys(JSON.parse(text))
  } catch (cause) {
    throw new Told(`${file} does not hold audit keys: write them with "audit keys --out FILE"`, { cause })
  }
}

function parseCheckpoint(text: string): { checkpoint: number; hash: string } {
  const { 1: checkpoint, 2: hash } = /^(\d+):([0-9a-f]{64})$/.exec(text) ?? []
  if (checkpoint === undefined || hash === undefined)
    throw new UsageError('--expect-checkpoint must be N:HASH')
  return { checkpoint: Number(checkpoint), hash }
}

/** @param keyFile undefined: use the keys in the export */
export function tellFaults(verdict: Verdict, keyFile: string | undefined): string[] {
  const { rows, checkpoints, whole, head, uncovered, deletions, notes, faults } = verdict
  return [
    `${rows} rows, ${checkpoints} checkpoints${whole ? '' : ': a part of the log; rows before its first checkpoint were not checked'}`,
    ...(uncovered.rows > 0
      ? [`${uncovered.rows} rows not covered by a checkpoint yet, since ${uncovered.since}`]
      : []),
    ...deletions.map(
      ({ part, rows: gone, id }) => `deleted by retention: ${part}, ${gone} rows, recorded in event ${id}`,
    ),
    ...notes,
    keyFile === undefined
      ? 'keys: from the audit itself; with --key FILE, keys that you saved are used'
      : `keys: ${keyFile}`,
    ...(head === undefined ? [] : [`head ${head.checkpoint}:${head.hash}`]),
    ...faults.map(({ kind, says }) => `FAULT ${kind}: ${says}`),
  ]
}
