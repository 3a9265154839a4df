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
  /** Id of the row. */
  readonly id?: string
  /** Number of the checkpoint that shows the fault. */
  readonly checkpoint?: number
  readonly says: string
}

/** A covered row: its hash, and the checkpoint that covers it. */
export interface Missing {
  readonly leaf: Buffer
  readonly checkpoint: number
}
/** A row of the export with its present hash. */
export interface Present<Row> {
  readonly row: Row
  readonly leaf: Buffer
}
