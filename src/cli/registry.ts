/** Commands for the registry and its reviewed files. */
import { stat } from 'node:fs/promises'
import { clientCommand, flag, optional } from './command.ts'
import { Told, UsageError } from './told.ts'

const PATH = 'a folder with a file for each portal, or a file'

export const registryCommands = {
  'client apply': clientCommand({
    about: 'show how the registry differs from reviewed files, or apply them (--yes)',
    args: { PATH },
    options: {
      yes: flag('apply the changes: all or none'),
      'retire-missing': flag('also retire drafts and suspended portals that no file names'),
      reason: optional('TEXT', 'kept in the history of each portal that changes'),
    },
    async run(tools, { PATH: path }, { yes, 'retire-missing': retires, reason }) {
      const { apply, differsIn, isRetirable, reviewFiles, show } = await import('./registry-files.ts')
      if (retires && (await stat(path).catch(() => undefined))?.isFile() === true)
        throw new Told('--retire-missing is for the folder with all portals; PATH is one file')
      const review = await reviewFiles(tools, path)
      const differs = show(tools, review, retires)
      if (differs && !yes) throw new Told('nothing was changed; add --yes to apply')
      const { clients, missing } = review.plan
      const retire = retires ? missing.filter(isRetirable) : []
      if (retire.length > 0 && !reason) throw new UsageError('--reason is missing')
      if (clients.some(differsIn) || retire.length > 0) await apply(tools, review, { retire, reason })
    },
  }),

  'client diff': clientCommand({
    about: 'show how the registry differs from reviewed files; exit code 1 if it does',
    args: { PATH },
    async run(tools, { PATH: path }) {
      const { reviewFiles, show } = await import('./registry-files.ts')
      if (show(tools, await reviewFiles(tools, path), false))
        throw new Told('the registry differs from the files')
    },
  }),
}
