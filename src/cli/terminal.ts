/** The input and output of a command. */
import type { Environment } from '../config/settings.ts'

interface Output {
  write(text: string): unknown
  /** Whether a person sees the output (a terminal). */
  readonly isTTY?: boolean | undefined
}

/** The part of the process that a command may use. */
export interface Terminal {
  readonly env: Environment
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly stdout: Output
  readonly stderr: Output
}

/** @param part 0 to 1 */
export const drawBar = (part: number): string =>
  `${'█'.repeat(Math.floor(part * 20)).padEnd(20, '░')} ${Math.floor(part * 100)}%`
