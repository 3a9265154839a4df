/** Any number of made-up citizens; the sandbox has only twenty. */

const provinces = ['001', '079', '048', '031', '092', '038', '066', '024']

/** 12 digits that no person has: the random part begins with 9999, as in the sandbox. @param index below 80,000 */
export function numberOf(index: number): string {
  const two = (value: number) => String(value % 100).padStart(2, '0')
  return `${provinces[Math.floor(index / 10_000)]}0${two(Math.floor(index / 100))}9999${two(index)}`
}
