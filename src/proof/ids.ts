/** Packs ascending numbers as LEB128 differences, mostly one byte each. */
export function packIds(ids: readonly bigint[]): Buffer {
  const bytes: number[] = []
  let last = 0n
  for (const id of ids) {
    let step = id - last
    for (; step > 127n; step >>= 7n) bytes.push(Number(step & 127n) | 128)
    bytes.push(Number(step))
    last = id
  }
  return Buffer.from(bytes)
}

export function unpackIds(bytes: Buffer): bigint[] {
  const ids: bigint[] = []
  let [last, step, shift] = [0n, 0n, 0n]
  for (const byte of bytes) {
    step |= BigInt(byte & 127) << shift
    shift += 7n
    if (byte & 128) continue
    last += step
    ids.push(last)
    step = shift = 0n
  }
  return ids
}
