/** Reads the reviewed files of the registry, YAML or JSON: the definition of each portal, with line numbers. */
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineCounter, type Node, type Pair, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml'
import type { Path } from '../registry/definition.ts'
import { syntaxFault } from './client-file-syntax.ts'

/** Largest file, in bytes. */
const largest = 1024 * 1024
const formats = /\.(json|ya?ml)$/i

export interface FileFault {
  readonly file: string
  readonly line: number
  /** The fault and, after a semicolon, its remedy. */
  readonly message: string
}
/** One portal's definition, unchecked. */
export interface Entry {
  readonly file: string
  readonly value: unknown
  /** Line of the field, or of its parent if the field is missing. */
  lineOf(path: Path): number
}
export interface ClientFiles {
  readonly entries: readonly Entry[]
  readonly faults: readonly FileFault[]
}

/** @param path a folder with a file for each portal, or a file with one portal or a list of them */
export async function readClientFiles(path: string): Promise<ClientFiles> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => undefined,
  )
  const nothing = (message: string) => ({ entries: [], faults: [{ file: path, line: 1, message }] })
  if (isFolder === undefined) return nothing('cannot be read; name a folder or a file that is there')
  if (!isFolder) return readOne(path, { list: true })
  const names = (await readdir(path)).filter((name) => formats.test(name)).toSorted()
  if (names.length === 0)
    return nothing('holds no .yaml, .yml or .json file; put a file for each portal there')
  const read = await Promise.all(names.map((name) => readOne(join(path, name), { list: false })))
  return { entries: read.flatMap(({ entries }) => entries), faults: read.flatMap(({ faults }) => faults) }
}

async function readOne(file: string, { list }: { list: boolean }): Promise<ClientFiles> {
  const refused = (message: string, line = 1) => ({ entries: [], faults: [{ file, line, message }] })
  if ((await stat(file)).size > largest)
    return refused('is larger than 1 MiB; give each portal a file of its own')
  const bytes = await readFile(file)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refused('is not UTF-8; save it as UTF-8', lineOfBadByte(bytes))
  }
  return parseClientFile(file, text, { list })
}

function parseClientFile(file: string, text: string, { list }: { list: boolean }): ClientFiles {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })
  const refused = (message: string, offset = 0) => ({
    entries: [],
    faults: [{ file, line: lines.linePos(offset).line || 1, message }],
  })
  const [document, second] = [...documents]
  if (document === undefined || document.contents === null)
    return refused('is empty; write the definition of a portal')
  const fault = syntaxFault(file, text, document)
  if (fault !== undefined) return refused(fault.message, fault.offset)
  if (second !== undefined)
    return refused('has a second document; give each portal a file of its own', second.range[0])

  const root = document.contents as Node
  const lineOf = (base: Path) => (path: Path) => lines.linePos(offsetOf(root, [...base, ...path])).line
  const value: unknown = document.toJS()
  if (!isSeq(root)) return { entries: [{ file, value, lineOf: lineOf([]) }], faults: [] }
  if (!list) return refused('is a list; in a folder each portal has a file of its own', root.range?.[0])
  if (root.items.length === 0) return refused('is empty; write the definition of a portal', root.range?.[0])
  return {
    entries: (value as unknown[]).map((one, index) => ({ file, value: one, lineOf: lineOf([index]) })),
    faults: [],
  }
}

function offsetOf(root: Node, path: Path): number {
  let offset = root.range?.[0] ?? 0
  let node: unknown = root
  for (const name of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(name)) as
        | Pair<Node, Node | null>
        | undefined
      if (pair === undefined) return offset
      offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(name)]
      offset = (node as Node | undefined)?.range?.[0] ?? offset
    } else return offset
  }
  return offset
}

function lineOfBadByte(bytes: Buffer): number {
  const whole = bytes.toString('utf8').indexOf('\ufffd')
  return bytes.toString('utf8').slice(0, Math.max(whole, 0)).split('\n').length
}
