/** The demo's scenes, over real HTTP: imports, a citizen's day, and what people decide. */
import { citizenNamed } from '../citizens.ts'
import { playDay } from './day.ts'
import { bringFiles, bringLaterFile, readFeed, readProgress } from './files.ts'
import { decideCase, followNumber, vouch } from './people.ts'
import type { Stage } from './stage.ts'

/** @throws NotHeld at the first sentence that is not true */
export async function playScript(stage: Stage): Promise<void> {
  const found = await bringFiles(stage)
  await playDay(stage, citizenNamed('an'))
  await vouch(stage, citizenNamed('dung'))
  await decideCase(stage)
  await followNumber(stage)
  await bringLaterFile(stage, found)
  await readFeed(stage)
  await readProgress(stage)
}
