/** What makes a file no reviewed text: not read as YAML or JSON, or read as something else than it seems to say. */
import { type Document, isAlias, isScalar, visit } from 'yaml'

interface SyntaxFault {
  readonly message: string
  readonly offset: number
}

/** The first: what follows it may be its consequence. Never a word of the file, which might be a secret. */
export function syntaxFault(file: string, text: string, document: Document): SyntaxFault | undefined {
  const [first] = [...document.errors, ...document.warnings].toSorted(
    (one, other) => one.pos[0] - other.pos[0],
  )
  if (first !== undefined)
    return {
      offset: first.pos[0],
      message:
        first.code === 'DUPLICATE_KEY'
          ? 'stands here for the second time; keep one of the two'
          : `is no ${/\.json$/i.test(file) ? 'JSON' : 'YAML'} here; ${remedies[first.code] ?? 'compare brackets, quotes and indentation with the examples'}`,
    }
  return (/\.json$/i.test(file) ? jsonFault(text) : undefined) ?? fancy(document)
}

const remedies: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces, not tabs',
  BAD_INDENT: 'indent fields of one group alike',
  MISSING_CHAR: 'a bracket, quote or colon is missing before it',
}

/** Where YAML takes what is no JSON. */
function jsonFault(text: string): SyntaxFault | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    const [, position] = /at position (\d+)/.exec((error as Error).message) ?? []
    return { offset: Number(position ?? text.length), message: 'is no JSON here; compare quotes and commas' }
  }
}

/** What makes a file mean something else than it seems to. */
function fancy(document: Document): SyntaxFault | undefined {
  let found: SyntaxFault | undefined
  visit(document, {
    Node(_key, node) {
      const isAnchored = !isAlias(node) && node.anchor !== undefined
      if (isScalar(node) && typeof node.value === 'string' && node.value.includes('\0')) {
        found = { offset: node.range?.[0] ?? 0, message: 'has a NUL character; take it out' }
        return visit.BREAK
      }
      const isTagged = node.tag !== undefined && (node.range?.[0] ?? 0) >= 0 && !isPlainTag(node.tag)
      if (!isAlias(node) && !isAnchored && !isTagged) return undefined
      const what = isTagged ? 'has a tag' : 'has an anchor or alias'
      found = { offset: node.range?.[0] ?? 0, message: `${what}; write the value itself` }
      return visit.BREAK
    },
  })
  return found
}

const isPlainTag = (tag: string) => /^tag:yaml\.org,2002:(map|seq|str|int|float|bool|null)$/.test(tag)
