/** Assurance levels: ours toward portals, ordered. VNeID's own names for them are settings (`UPSTREAM_LEVELS`). */
import { type Level, levels } from '../vocabulary.ts'

const prefix = 'urn:vneid:'

/** OIDC Core §2 `acr`: "mức độ 01" is `urn:vneid:1`, "mức độ 02" is `urn:vneid:2`. */
export const acrOf = (level: Level): string => `${prefix}${level}`
export const acrValues = levels.map(acrOf)

const levelOf = (acr: string): Level | undefined => levels.find((level) => acrOf(level) === acr)

/**
 * The lowest level that satisfies a request. `acr_values` (OIDC Core §3.1.2.1) lists alternatives: the
 * lowest known one is enough, but never less than the portal's own minimum.
 * @returns 'unknown' when only values are asked for that nobody here can give
 */
export function requiredLevel(asked: string | undefined, minimum: Level): Level | 'unknown' {
  if (asked === undefined) return minimum
  const known = asked
    .split(' ')
    .map(levelOf)
    .filter((level) => level !== undefined)
  if (known.length === 0) return 'unknown'
  return Math.max(minimum, Math.min(...known)) as Level
}
