/**
 * The size of a random search. In the suite it makes a fixed number of runs from a fixed seed, so that its result depends
 * neither on chance nor on the machine's speed. `PROPERTY_RUNS=500` makes 500 runs from a new seed and shrinks failures;
 * `PROPERTY_RUNS=500:42` starts from seed 42.
 */
import type { Parameters } from 'fast-check'

const asked = process.env['PROPERTY_RUNS']
const [, runsAsked, seedAsked] = /^([1-9]\d*)(?::(\d+))?$/.exec(asked ?? '') ?? []
if (asked !== undefined && runsAsked === undefined)
  throw new Error('PROPERTY_RUNS: must be a number of runs, or RUNS:SEED')

/** A test prints this when it fails. If a run fails, fast-check prints it too. */
export const seed = asked === undefined ? 20_261_122 : Number(seedAsked ?? Date.now() % 2 ** 31)

/** @param inSuite runs where `PROPERTY_RUNS` is not set */
export const runs = (inSuite: number): number => Number(runsAsked ?? inSuite)

/** The options of `fc.assert`. The suite does not shrink failures, because that takes many more runs. */
export const search = (inSuite: number): Pick<Parameters<unknown>, 'numRuns' | 'seed' | 'endOnFailure'> => ({
  numRuns: runs(inSuite),
  seed,
  endOnFailure: asked === undefined,
})

/** In milliseconds, of a test that searches. No limit if many runs were requested. */
export const timeout = asked === undefined ? 180_000 : 0
