/** The first officer, who has no second person, and the last one. Each test starts without operators. */
import { beforeEach, describe, expect, test } from 'vitest'
import { endIdleOperators } from '../../src/admin/idle-operators.ts'
import type { AdminClient } from '../../src/cli/client.ts'
import { operatorLocalCommands } from '../../src/cli/operators-local.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { openTerminal } from '../support/operators/command-line.ts'
import { createMachine, freshKey } from '../support/operators/machines.ts'
import { newNumber } from '../support/operators/operators.ts'
import { openWorld } from '../support/world.ts'

const world = await openWorld()
const log = createLog({ level: 'silent' })
beforeEach(() => world.db.script('truncate operator cascade'))

interface Held {
  readonly approval: string
}
const isHeld = { approval: expect.any(String) }
const end = (what: 'approve' | 'decline', { approval }: Held, by: AdminClient) =>
  by.call('POST', `/v1/approvals/${approval}/${what}`)

describe('before two persons have been security officers', () => {
  test('one person is enough, and the audit says so', async () => {
    const first = await world.operator('the.first', ['security_officer'])
    const body = { id: 'the.second', roles: ['security_officer'], citizen_id: newNumber() }
    expect(await first.call('POST', '/v1/operators', body)).toEqual({
      id: 'the.second',
      kind: 'person',
      roles: ['security_officer'],
    })
    const [created] = await world.db.query<{ detail: object }>(
      `select detail from audit_event where event = 'operator.created' and actor = 'the.first' and detail->>'operator' = 'the.second'`,
    )
    expect(created).toMatchObject({ detail: { operator: 'the.second', alone: true, kind: 'person' } })
    // From now on two persons are needed; disabling the other does not re-enable single-person approval.
    const third = { id: 'the.third', roles: ['viewer'], public_key: (await freshKey(world)).publicKey }
    expect(await first.call('POST', '/v1/operators', third)).toMatchObject({ approval: expect.any(String) })
    await first.call('POST', '/v1/operators/the.second/disable', { reason: 'to be alone again' })
    expect(await first.call('POST', '/v1/operators', third)).toMatchObject({ approval: expect.any(String) })
  })

  test('of two officers created at the same time, only one is created by a single person', async () => {
    const first = await world.operator('the.first', ['security_officer'])
    const made = await Promise.all(
      ['second', 'third', 'fourth'].map((id) =>
        first.call<Record<string, string>>('POST', '/v1/operators', {
          id,
          roles: ['security_officer'],
          citizen_id: newNumber(),
        }),
      ),
    )
    expect(made.filter(({ id }) => id !== undefined)).toHaveLength(1)
  })

  test('a machine can never approve alone, not even at the beginning', async () => {
    const robot = await createMachine(world, ['security_officer'])
    const body = { id: 'the.first', roles: ['security_officer'], citizen_id: newNumber() }
    expect(await robot.call('POST', '/v1/operators', body)).toMatchObject(isHeld)
  })
})

test('removing the second officer’s role does not re-enable single-person approval', async () => {
  const first = await world.operator('the.first', ['security_officer'])
  const second = await world.operator('the.second', ['security_officer'])
  const path = '/v1/operators/the.second'
  await end('approve', await first.call<Held>('PATCH', path, { roles: ['viewer'] }), second)
  const third = { id: 'the.third', roles: ['viewer'], citizen_id: newNumber() }
  expect(await first.call('POST', '/v1/operators', third)).toMatchObject(isHeld)
})

describe('when no officer has access any more', () => {
  test.each([
    ['an idle one, whom nobody has written down yet,', `created_at = now() - interval '46 days'`],
    ['a machine', `disabled_at = now(), disabled_by = 'x', disabled_reason = 'x'`],
  ])('%s does not keep the way back shut', async (what, change) => {
    await world.operator('the.last', ['security_officer'])
    if (what === 'a machine') await createMachine(world, ['security_officer'])
    await world.db.query(`update operator set ${change} where id = 'the.last'`)
    const said: string[] = []
    const restore = operatorLocalCommands['operator restore']
    const print = (line: string) => void said.push(line)
    const { config, db } = world
    await restore.read(['the.last'])({ config, db, log, print, terminal: openTerminal() })
    expect(said).toEqual(['enabled the.last'])
  })

  test('the log reports the error soon after a start, not an hour later', async () => {
    await world.operator('the.last', ['security_officer'])
    await world.db.query(`update operator set created_at = now() - interval '46 days'`)
    const firstLine = world.logLines.length
    await world.restart()
    await expect
      .poll(() => world.logLines.slice(firstLine).join(''), { timeout: 10_000 })
      .toContain('"operators.without_officer"')
  })

  test('an idle operator is disabled even if it is the last security officer, and the log reports the error', async () => {
    await world.operator('the.last', ['security_officer'])
    await world.db.query(`update operator set created_at = now() - interval '46 days'`)
    const lines: string[] = []
    const told = createLog({ level: 'info', destination: { write: (line: string) => void lines.push(line) } })
    await endIdleOperators({ db: world.db, log: told })
    expect(lines.join('')).toContain('"operators.without_officer"')
  })
})
