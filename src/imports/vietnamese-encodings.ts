/**
 * Recognises Vietnamese text in an encoding from before Unicode, and UTF-8 that was read as another encoding: by bytes, or
 * after a program has taken each byte for a letter of windows-1252. Text counts as such if its words are no Vietnamese as
 * they stand, and all are once it is decoded.
 */

/** Bytes 0x80 to 0xff. */
const tcvn3 =
  'ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ\u00a0ĂÂÊÔƠƯĐăâêôơưđẰ\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴ' +
  'ẮẦẨẪẤỀặầẩẫấậèỂẻẽéẹềểễếệìỉỄẾỒĩíịòỔỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ'
const viscii =
  'ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ' +
  'ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ'

/** VNI writes an accent as a letter of its own after the vowel. */
const vniVowels = 'aeouyAEOUY'
const vniMarks: Readonly<Record<string, string>> = {
  ù: '\u0301',
  ø: '\u0300',
  û: '\u0309',
  õ: '\u0303',
  ï: '\u0323',
  â: '\u0302',
  á: '\u0302\u0301',
  à: '\u0302\u0300',
  å: '\u0302\u0309',
  ã: '\u0302\u0303',
  ä: '\u0302\u0323',
  ê: '\u0306',
  é: '\u0306\u0301',
  è: '\u0306\u0300',
  ú: '\u0306\u0309',
  ü: '\u0306\u0303',
  ë: '\u0306\u0323',
}
const vniLetters: Readonly<Record<string, string>> = {
  ñ: 'đ',
  ô: 'ơ',
  ö: 'ư',
  æ: 'ỉ',
  ó: 'ĩ',
  ò: 'ị',
  î: 'ỵ',
}

function fromVni(text: string): string {
  let decoded = ''
  let isVowel = false
  for (const letter of text) {
    const small = letter.toLowerCase()
    const mark: string | undefined = isVowel ? vniMarks[small] : undefined
    const other = vniLetters[small]
    decoded += mark ?? (other === undefined ? letter : letter === small ? other : other.toUpperCase())
    // A vowel takes one mark; `ô` and `ö` are vowels too.
    isVowel = mark === undefined && (vniVowels.includes(letter) || small === 'ô' || small === 'ö')
  }
  return decoded
}

const byTable = (table: string) => (bytes: Buffer) =>
  Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : table[byte - 0x80])).join('')
const byName = (name: string) => {
  const decoder = new TextDecoder(name)
  return (bytes: Buffer) => decoder.decode(bytes)
}

const fromLatin = byName('windows-1252')
const decoders: readonly (readonly [name: string, decode: (bytes: Buffer) => string])[] = [
  ['windows-1258', byName('windows-1258')],
  ['TCVN3 (ABC)', byTable(tcvn3)],
  ['VNI', (bytes) => fromVni(fromLatin(bytes))],
  ['VISCII', byTable(viscii)],
]
const doubled = [['UTF-8 read as windows-1252', byName('utf-8')]] as const

/** The byte of each letter of windows-1252, and of the control characters that it leaves undefined. */
const byteOf = new Map<string, number>()
for (let byte = 0; byte < 0x100; byte++) {
  byteOf.set(String.fromCharCode(byte), byte)
  byteOf.set(fromLatin(Buffer.from([byte])), byte)
}

const onset = '(?:b|ch?|d|đ|gh?|gi|h|kh?|l|m|ngh?|nh?|ph?|qu|r|s|th?|tr|v|x)?'
const nucleus =
  '(?:iêu|yêu|oai|oao|oay|oeo|uây|uôi|uyu|ươi|ươu|uyê|uya|ia|iê|yê|oa|oă|oe|oo|ua|uâ|uê|uô|uơ|ui|uy|ưa|ươ|' +
  'ai|ao|au|ay|âu|ây|eo|êu|iu|oi|ôi|ơi|ưi|ưu|[aăâeêioôơuưy])'
const syllable = new RegExp(`^${onset}${nucleus}(?:ch?|m|ng?|nh|p|t)?$`)
const tones = /[\u0300\u0301\u0303\u0309\u0323]/g

const isVietnamese = (word: string): boolean =>
  syllable.test(word.normalize('NFD').replace(tones, '').normalize('NFC').toLowerCase())

/** The words with a letter beyond ASCII, without the signs around them. */
const foreignWords = (text: string): string[] =>
  text.split(/[\s,;|"'.()\d_/-]+/).filter((word) => word.length > 1 && /[^\0-\x7f]/.test(word))

/** @param sure whether one word is enough @returns the name of the encoding; undefined if it is none, or not certain */
function encodingOf(
  bytes: Buffer,
  among: readonly (readonly [name: string, decode: (bytes: Buffer) => string])[],
  sure: boolean,
): string | undefined {
  const found = among.flatMap(([name, decode]) => {
    const words = foreignWords(decode(bytes))
    const good = words.filter(isVietnamese).length
    return good >= (sure ? 1 : 2) && good >= words.length * 0.8 ? [{ name, good }] : []
  })
  return found.toSorted((a, b) => b.good - a.good)[0]?.name
}

/** The probable encoding of bytes that are not UTF-8. */
export const encodingOfBytes = (bytes: Buffer): string | undefined =>
  encodingOf(bytes, [['windows-1252', fromLatin], ...decoders], true)

/** Letters and signs that no Vietnamese word has. */
const strange = /[\u0080-\u00bf×÷ÆÐÞß‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]/

/** A fast check that rules out most names: they have a letter that windows-1252 lacks. */
const latin = /^[\0-\xff\u0152-\u0192\u02c6\u02dc\u2013-\u2122]*$/

/** The encoding whose bytes a program has taken for letters. */
export function misreadAs(text: string): string | undefined {
  if (!/[^\0-\x7f]/.test(text) || !latin.test(text) || foreignWords(text).every(isVietnamese))
    return undefined
  const bytes: number[] = []
  for (const letter of text) {
    const byte = byteOf.get(letter)
    if (byte === undefined) return undefined
    bytes.push(byte)
  }
  const buffer = Buffer.from(bytes)
  return encodingOf(buffer, doubled, true) ?? encodingOf(buffer, decoders, strange.test(text))
}

/** The text as it was meant, by every encoding that fits it. */
export const rereadings = (text: string): (readonly [name: string, text: string])[] => {
  const bytes = Array.from(text, (letter) => byteOf.get(letter))
  if (!/[^\0-\x7f]/.test(text) || bytes.includes(undefined)) return []
  const buffer = Buffer.from(bytes as number[])
  return [...doubled, ...decoders].map(([name, decode]) => [name, decode(buffer)] as const)
}
