/** Assurance levels: ours toward portals, ordered. VNeID's own names for them are settings (`UPSTREAM_LEVELS`). */

export type Level = 1 | 2

const prefix = 'urn:vneid:'
export const acrValues = ['urn:vneid:1', 'urn:vneid:2'] as const

/** OIDC Core §2 `acr`: "mức độ 01" is `urn:vneid:1`, "mức độ 02" is `urn:vneid:2`. */
export const acrOf = (level: Level): string => `${prefix}${level}`

function levelOf(acr: string | undefined): Level | undefined {
  if (acr === acrOf(1)) return 1
  if (acr === acrOf(2)) return 2
  return undefined
}

/**
 * The lowest level that satisfies a request. `acr_values` (OIDC Core §3.1.2.1) lists alternatives: the
 * lowest known one is enough, but never less than the portal's own minimum.
 * @returns 'unknown' when only values are asked for that nobody here can give
 */
export function requiredLevel(asked: string | undefined, minimum: Level): Level | 'unknown' {
  if (asked === undefined) return minimum
  const levels = asked
    .split(' ')
    .map(levelOf)
    .filter((level) => level !== undefined)
  if (levels.length === 0) return 'unknown'
  return Math.max(minimum, Math.min(...levels)) as Level
}
