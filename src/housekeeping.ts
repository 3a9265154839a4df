/**
 * Housekeeping: chores that every node runs soon after its start and then every hour; each chore is implemented in its
 * own room. A chore may run on several nodes; the second finds nothing left to do.
 */
import { endIdleOperators } from './admin/idle-operators.ts'
import { watchReview } from './admin/operator-review.ts'
import { endLateApprovals } from './approvals/approvals.ts'
import { retireOldKeys, rotateDueKeys } from './oidc/keys.ts'
import type { Parts } from './parts.ts'
import { preparePartitions, retireAudit } from './proof/retention.ts'
import { completeDueRehomes } from './registry/rehome.ts'
import { warnOfEndingSecrets } from './registry/secrets.ts'
import { deleteOldFigures } from './store/figures.ts'
import { forgetAttempts } from './store/idempotent-requests.ts'
import { foldProgress } from './store/progress.ts'
import type { Log } from './telemetry/log.ts'
import { housekeepingFailures } from './telemetry/metrics.ts'

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
    approvals: () => endLateApprovals({ db, log }),
    accessReview: () => watchReview({ db, log }),
  } satisfies Readonly<Record<string, () => Promise<unknown>>>
  // These report conditions that need attention at once: no security officer left, or an overdue access review.
  const urgent: readonly (keyof typeof chores)[] = ['idleOperators', 'accessReview']
  return { chores, urgent }
}

const minute = 60_000

/**
 * Runs the chores one after another; a failed chore is tried again within the hour.
 * @param urgent chores that also run at once
 * @param soon milliseconds until the first run, random so that nodes that start together do not run together
 * @returns stops it, and resolves when the running chore has ended
 */
export function startHousekeeping<Chore extends string>({
  chores,
  urgent = [],
  log,
  soon = minute * (1 + Math.random()),
}: {
  chores: Readonly<Record<Chore, () => Promise<unknown>>>
  urgent?: readonly NoInfer<Chore>[]
  log: Log
  soon?: number
}): () => Promise<void> {
  const all = Object.keys(chores) as Chore[]
  let isOver = false
  async function keep(some: readonly Chore[]): Promise<void> {
    for (const chore of some) {
      if (isOver) return
      await chores[chore]().catch((error: unknown) => {
        housekeepingFailures.inc({ chore })
        log.warn({ event: 'housekeeping.failed', chore, err: error })
      })
    }
  }
  // The series must start at 0 for `increase()`.
  for (const chore of all) housekeepingFailures.inc({ chore }, 0)
  let last = keep(urgent)
  const keepNext = () => void (last = last.then(() => keep(all)))
  const first = setTimeout(keepNext, soon).unref()
  const hourly = setInterval(keepNext, 60 * minute).unref()
  return () => {
    isOver = true
    clearTimeout(first)
    clearInterval(hourly)
    return last
  }
}
