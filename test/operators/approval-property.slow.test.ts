/** Operators ask, approve, decline and make other changes in any order. The two-person rules always hold. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openDesk } from '../support/operators/approval-desk.ts'
import { seldom, story } from '../support/operators/approval-stories.ts'
import { tell } from '../support/operators/approval-telling.ts'
import { search, seed, timeout } from '../support/random-search.ts'

const begin = await openDesk()

test(
  'no two-person change is done by one person, by a machine, or after the state that it was based on has changed',
  async () => {
    const seen = new Set<string>()
    const property = fc.asyncProperty(story, (one) => tell(begin, seen, one))
    await fc.assert(property, { ...search(26), examples: seldom })
    // The stories reached every situation that this test is about.
    expect([...seen].toSorted(), `seed ${seed}`).toEqual(
      expect.arrayContaining([
        'alone',
        'approve case done',
        'approve case second_person_needed',
        'approve create done',
        'approve create second_person_needed',
        'approve enable done',
        'approve key done',
        'approve rekey done',
        'approve roles done',
        'approve roles state_conflict',
        'ask case state_conflict',
        'ask create forbidden',
        'ended approved',
        'ended declined',
        'ended expired',
        'ended open',
        'ended withdrawn',
        'race',
      ]),
    )
  },
  timeout,
)
