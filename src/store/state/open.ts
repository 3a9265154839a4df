import { createMemoryState } from './memory.ts'
import { connectRedisState } from './redis.ts'
import type { State } from './state.ts'

/** @param url `memory:`, or a URL that `redis.ts` accepts; @param limit bytes that `memory:` may hold */
export function openState({ url, limit }: { url: string; limit: number }): State {
  return url === 'memory:' ? createMemoryState({ limit }) : connectRedisState({ url })
}
