/** The `acr` values that we offer to portals, in ascending order. VNeID's own values are a setting (`UPSTREAM_LEVELS`). */
import { type Level, levels } from '../vocabulary.ts'

const prefix = 'urn:vneid:'

/** OIDC Core §2 `acr`: "mức độ 01" is `urn:vneid:1`, "mức độ 02" is `urn:vneid:2`. */
export const acrOf = (level: Level): string => `${prefix}${level}`
export const acrValues = levels.map(acrOf)
