import { createMemoryState } from './memory.ts'
import { connectRedisState } from './redis.ts'
import type { State } from './state.ts'

/** @param url `memory:`, or an address of `redis.ts` */
export function openState({ url, limit }: { url: string; limit: number }): State {
  return url === 'memory:' ? createMemoryState({ limit }) : connectRedisState({ url })
}
