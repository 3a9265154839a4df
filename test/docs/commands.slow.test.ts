/** Runs the printed commands in one world, each as it is printed (docs/operate/, docs/runbooks.md and other pages). */
import { describe, inject, test } from 'vitest'
import { openStage, play, type Stage } from '../support/docs/story.ts'
import { stories } from '../support/docs/stories/all.ts'

const withoutServers = inject('databaseUrl') === undefined || inject('redisUrl') === undefined
const stage = withoutServers ? undefined : await openStage()

describe.skipIf(withoutServers).each(Object.entries(stories))(
  'the commands about %s do what the page says',
  (_about, steps) => {
    const named = steps.map((step, at) => ({ name: `${at + 1}. ${step.line}`, step }))
    test.each(named)('$name', async ({ step }) => {
      await play(step, stage as Stage)
    })
  },
)
