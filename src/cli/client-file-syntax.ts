/** Finds faults of syntax in a registry file: text that is not YAML or JSON, and text that is read differently than it looks. */
import { type Document, isAlias, isScalar, visit } from 'yaml'

interface SyntaxFault {
  readonly message: string
  readonly offset: number
}

/** Reports only the first fault, because later ones may follow from it. Never quotes the file, which may contain a secret. */
export function syntaxFault(file: string, text: string, document: Document): SyntaxFault | undefined {
  const [first] = [...document.errors, ...document.warnings].toSorted(
    (one, other) => one.pos[0] - other.pos[0],
  )
  if (first !== undefined)
    return {
      offset: first.pos[0],
      message:
        first.code === 'DUPLICATE_KEY'
          ? 'appears a second time; keep one of the two'
          : `is not valid ${/\.json$/i.test(file) ? 'JSON' : 'YAML'}; ${remedies[first.code] ?? 'compare brackets, quotes and indentation with the examples'}`,
    }
  return (/\.json$/i.test(file) ? jsonFault(text) : undefined) ?? fancy(document)
}

const remedies: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces, not tabs',
  BAD_INDENT: 'indent fields of one group alike',
  MISSING_CHAR: 'a bracket, quote or colon is missing before it',
}

/** Syntax that YAML accepts and JSON does not. */
function jsonFault(text: string): SyntaxFault | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    const [, position] = /at position (\d+)/.exec((error as Error).message) ?? []
    return {
      offset: Number(position ?? text.length),
      message: 'is not valid JSON; compare quotes and commas',
    }
  }
}

/** Constructs that give a file another meaning than it seems to have. */
function fancy(document: Document): SyntaxFault | undefined {
  let found: SyntaxFault | undefined
  visit(document, {
    Node(_key, node) {
      const isAnchored = !isAlias(node) && node.anchor !== undefined
      if (isScalar(node) && typeof node.value === 'string' && node.value.includes('\0')) {
        found = { offset: node.range?.[0] ?? 0, message: 'has a NUL character; remove it' }
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
