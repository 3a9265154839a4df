/** Whether two records speak of one name or one birth date: a help to who decides, never a proof. */

/** Tone marks: grave, acute, tilde, hook above, dot below. Circumflex, breve and horn make another letter. */
const tones = /[\u0300\u0301\u0303\u0309\u0323]/g

/**
 * Equal for two spellings of one name: NFC or NFD, Hòa or Hoà, upper or lower case, whatever the spacing.
 * The tone goes to the end of its syllable, which has only one; so where it was written does not count.
 */
export const nameKey = (name: string): string =>
  name
    .normalize('NFD')
    .toLowerCase()
    .trim()
    .split(/\s+/)
    .map((syllable) => syllable.replace(tones, '') + (syllable.match(tones) ?? []).join(''))
    .join(' ')

/** An empty name is nobody's. */
export function sameName(a: string, b: string): boolean {
  const key = nameKey(a)
  return key !== '' && key === nameKey(b)
}

/** @param a, b `YYYY-MM-DD`, or `YYYY` where only the year is known: then the year decides */
export function sameBirthDate(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return false
  return a.length === 4 || b.length === 4 ? a.slice(0, 4) === b.slice(0, 4) : a === b
}
