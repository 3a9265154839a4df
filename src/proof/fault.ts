export type FaultKind =
  | 'row altered'
  | 'row removed'
  | 'row inserted'
  | 'row moved'
  | 'hashes altered'
  | 'checkpoint altered'
  | 'checkpoint removed'
  | 'checkpoint not ours'
  | 'log cut off'
  | 'deletion not recorded'
  | 'export broken'

export interface Fault {
  readonly kind: FaultKind
  /** Of the row. */
  readonly id?: string
  /** Number of the checkpoint that tells. */
  readonly checkpoint?: number
  readonly says: string
}

/** What a checkpoint knows of one row: its hash. What stands there: the row, and the hash it has now. */
export interface Missing {
  readonly leaf: Buffer
  readonly checkpoint: number
}
export interface Present<Row> {
  readonly row: Row
  readonly leaf: Buffer
}
