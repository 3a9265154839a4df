/**
 * A sentence for every fault that a schema finds, in the words of all our errors: what the value must be. zod's own
 * messages are never shown. A schema that has a message of its own keeps it.
 */
import type { z } from 'zod'

type Issue = z.core.$ZodRawIssue

/** Pass it to each `safeParse` whose messages a person reads. */
export const inOurWords = { error: (issue: Issue): string => sentenceOf(issue) }

function sentenceOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${kinds[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      if (issue.input === undefined) return 'is required'
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`
    case 'too_small':
      return sized(issue, issue.minimum, ['at least', 'more than'])
    case 'too_big':
      return sized(issue, issue.maximum, ['at most', 'less than'])
    case 'invalid_format':
      return `must ${formatOf(issue)}`
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    case 'unrecognized_keys':
      return 'has a field that is not known'
    case 'invalid_key':
      return `has a key that ${issue.issues[0]?.message ?? 'is not valid'}`
    case 'invalid_union':
      if (issue.input === undefined) return 'is required'
      return Array.isArray(issue['options'])
        ? `must be one of ${issue['options'].join(', ')}`
        : 'must have one of the forms that the description lists'
    default:
      return 'is not valid'
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  nan: 'a number',
  int: 'an integer',
  bigint: 'an integer',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  set: 'a list',
  object: 'an object',
  record: 'an object',
  map: 'an object',
  date: 'a date',
}

function sized(
  { origin, inclusive, exact }: { origin: string; inclusive?: boolean; exact?: boolean },
  bound: number | bigint,
  [including, excluding]: readonly [string, string],
): string {
  const unit = { string: 'character', array: 'entry', set: 'entry', map: 'entry', object: 'field' }[origin]
  if (unit === 'character' && including === 'at least' && bound === 1 && exact !== true)
    return 'must not be empty'
  const size = `${exact === true ? 'exactly' : inclusive === false ? excluding : including} ${bound}`
  if (unit === undefined) return `must be ${size}`
  return `must have ${size} ${bound === 1 ? unit : unit.replace(/y$/, 'ie')}${bound === 1 ? '' : 's'}`
}

const forms: Readonly<Record<string, string>> = {
  email: 'be an e-mail address',
  url: 'be an absolute URL',
  uuid: 'be a UUID',
  date: 'be a date such as 2026-03-31',
  datetime: 'be a date-time such as 2026-03-31T00:00:00Z',
  base64: 'be base64',
  base64url: 'be base64url',
  ipv4: 'be an IPv4 address',
  ipv6: 'be an IPv6 address',
}

function formatOf({ format, prefix, suffix, includes, pattern }: Extract<Issue, { code: 'invalid_format' }>) {
  if (prefix !== undefined) return `start with ${prefix as string}`
  if (suffix !== undefined) return `end with ${suffix as string}`
  if (includes !== undefined) return `contain ${includes as string}`
  return forms[format] ?? (pattern === undefined ? `be a valid ${format}` : `match ${pattern}`)
}
