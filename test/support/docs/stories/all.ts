/** All stories in their order: the last one disables the operators of the others. */
import type { Step } from '../story.ts'
import { accountStory } from './accounts.ts'
import { auditStory, keyStory } from './keys-and-audit.ts'
import { newBrokerStory, operatorStory } from './operators.ts'
import { portalStory } from './portals.ts'
import { shellStory } from './shell.ts'

export const stories: Readonly<Record<string, readonly Step[]>> = {
  portals: portalStory,
  operators: operatorStory,
  'legacy accounts': accountStory,
  keys: keyStory,
  'the audit': auditStory,
  'tools of others': shellStory,
  'a new broker': newBrokerStory,
}
