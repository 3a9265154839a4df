/** Compares names and birth dates of two records. A match is a hint and never proves that they belong to one person. */

/** Tone marks: grave, acute, tilde, hook above, dot below. Circumflex, breve and horn are part of the letter. */
const tones = /[\u0300\u0301\u0303\u0309\u0323]/g

/**
 * A key that is equal for all spellings of one name: NFC or NFD, Hòa or Hoà, upper or lower case, any spacing. The tone
 * mark is moved to the end of its syllable, so its position does not matter.
 */
export const nameKey = (name: string): string =>
  name
    .normalize('NFD')
    .toLowerCase()
    .trim()
    .split(/\s+/)
    .map((syllable) => syllable.replace(tones, '') + (syllable.match(tones) ?? []).join(''))
    .join(' ')

/** An empty name equals no other. */
export function sameName(a: string, b: string): boolean {
  const key = nameKey(a)
  return key !== '' && key === nameKey(b)
}

/** Compares two dates `YYYY-MM-DD`; if one is only a year `YYYY`, compares the years. A missing date equals none. */
export function sameBirthDate(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return false
  return a.length === 4 || b.length === 4 ? a.slice(0, 4) === b.slice(0, 4) : a === b
}
