/** What every node does by itself (`housekeeping.ts` tells when), each chore in the room that it belongs to. */
import { endIdleOperators } from './admin/idle-operators.ts'
import { watchReview } from './admin/operator-review.ts'
import { endDecisions } from './admin/second-person.ts'
import { retireOldKeys, rotateDueKeys } from './oidc/keys.ts'
import type { Parts } from './parts.ts'
import { preparePartitions, retireAudit } from './proof/retention.ts'
import { completeDueRehomes } from './registry/rehome.ts'
import { warnOfEndingSecrets } from './registry/secrets.ts'
import { deleteOldFigures } from './store/figures.ts'
import { forgetAttempts } from './store/idempotent-requests.ts'
import { foldProgress } from './store/progress.ts'

type Chore = () => Promise<unknown>

export function createChores({ config, db, log, keySeal }: Pick<Parts, 'config' | 'db' | 'log' | 'keySeal'>) {
  const chores = {
    rotateKeys: () => rotateDueKeys({ db, seal: keySeal, log }, { days: config.keyRotationDays }),
    retireKeys: () => retireOldKeys({ db, log }),
    partitions: () => preparePartitions(db),
    retention: () => retireAudit({ db, log }, config.auditRetention),
    fold: () => foldProgress(db),
    secrets: () => warnOfEndingSecrets({ db, log }),
    rehomes: () => completeDueRehomes({ db, log }),
    figures: () => deleteOldFigures(db),
    keptAnswers: () => forgetAttempts(db),
    idleOperators: () => endIdleOperators({ db, log }),
    decisions: () => endDecisions({ db, log }),
    accessReview: () => watchReview({ db, log }),
  } satisfies Readonly<Record<string, Chore>>
  // That no officer is left, or that the review is late, is reported at once.
  const urgent: readonly (keyof typeof chores)[] = ['idleOperators', 'accessReview']
  return { chores, urgent }
}
