/**
 * How far a random search goes. In the suite it makes a fixed number of runs from a fixed seed, so that neither luck nor
 * the machine's speed decides. `PROPERTY_RUNS=500` makes 500 runs from a new seed and reduces what fails to its
 * smallest form; `PROPERTY_RUNS=500:42` starts from seed 42.
 */
import type { Parameters } from 'fast-check'

const asked = process.env['PROPERTY_RUNS']
const [, runsAsked, seedAsked] = /^([1-9]\d*)(?::(\d+))?$/.exec(asked ?? '') ?? []
if (asked !== undefined && runsAsked === undefined)
  throw new Error('PROPERTY_RUNS: must be a number of runs, or RUNS:SEED')

/** A test prints this when it fails. fast-check prints it too, for what fails inside a run. */
export const seed = asked === undefined ? 20_261_122 : Number(seedAsked ?? Date.now() % 2 ** 31)

/** @param inSuite runs where `PROPERTY_RUNS` is not set */
export const runs = (inSuite: number): number => Number(runsAsked ?? inSuite)

/** The options of `fc.assert`. Reducing a failure runs it many times over, which the suite has no time for. */
export const search = (inSuite: number): Pick<Parameters<unknown>, 'numRuns' | 'seed' | 'endOnFailure'> => ({
  numRuns: runs(inSuite),
  seed,
  endOnFailure: asked === undefined,
})

/** In milliseconds, of a test that searches. No limit if many runs were requested. */
export const timeout = asked === undefined ? 180_000 : 0
