/**
 * VNeID's answer names a person by a number. Anything else in its place, which brokers elsewhere have taken for a person,
 * creates no subject: otherwise all people without a number would be one person.
 */
import { describe, expect, test } from 'vitest'
import { Identifier, identifierTypes } from '../../src/citizen-id.ts'
import { dialects, expectRefusal, openBoth } from '../support/login/refusal.ts'

const worlds = await openBoth()

const nothings: [what: string, value: unknown][] = [
  ['an empty text', ''],
  ['blanks', '            '],
  ['null', null],
  ['the text null', 'null'],
  ['the text NULL in the length of a number', 'NULLNULLNULL'],
  ['the text undefined', 'undefined'],
  ['the text UNKNOWN', 'UNKNOWN'],
  ['the text None', 'None'],
  ['the text NaN', 'NaN'],
  ['the text [object Object]', '[object Object]'],
  ['zero', 0],
  ['a number', 1_085_999_901],
  ['true', true],
  ['false', false],
  ['an array', ['001085999901']],
  ['an empty array', []],
  ['an object', { value: '001085999901' }],
  ['an empty object', {}],
  ['zeros', '000000000000'],
  ['nines', '999999999999'],
  ['dashes', '------------'],
  ['a masked number', '001********1'],
  ['two numbers', '001085999901,079190999902'],
  ['a number with a blank', '001085999901 '],
  ['a number with an invisible character', '001085999901\u200b'],
  ['a number in other digits', '٠٠١٠٨٥٩٩٩٩٠١'],
]

/** The forms of other numbers are not published, so another form may be a number. */
const otherNothings = nothings.filter(([what]) => !what.startsWith('a number'))

describe.each(dialects)('in the %s dialect', (dialect) => {
  const world = worlds[dialect]

  test.each(nothings)('%s in place of a citizen’s number creates no person', async (_, value) => {
    world.simulator.tamper({ claims: { citizenPid: value } })
    await expectRefusal(world, 'access_denied', 'identifier_malformed')
  })

  // Both dialects read the numbers of others by the same code.
  if (dialect !== 'oidc') return
  test.each(otherNothings)('%s in place of a foreigner’s number creates no person', async (_, value) => {
    world.simulator.approve('john')
    world.simulator.tamper({ claims: { citizenPid: value } })
    await expectRefusal(world, 'access_denied', 'identifier_malformed', 'foreigners')
  })

  test.each(otherNothings)(
    '%s in place of an organisation’s number creates no organisation',
    async (_, value) => {
      world.simulator.approve('congty')
      world.simulator.tamper({ claims: { organizationId: value } })
      await expectRefusal(world, 'access_denied', 'identifier_malformed', 'everybody')
    },
  )
})

test.each(identifierTypes)('a %s is a number in one form only, and no placeholder', (type) => {
  for (const [, value] of nothings)
    expect(() => Identifier.parse(type, value)).toThrow('identifier_malformed')
  expect(Identifier.parse(type, '001085999901').reveal()).toBe('001085999901')
})
