/** Runs random stories of operators at the admin API, each on fresh data, and reads the resulting state. */
import { randomUUID } from 'node:crypto'
import { createCitizenKeys, Identifier } from '../../../src/citizen-id.ts'
import { createSeal } from '../../../src/crypto/seal.ts'
import { type AdminClient, createAdminClient } from '../../../src/cli/client.ts'
import { generateOperatorKey } from '../../../src/operators/key.ts'
import { createOperator } from '../../../src/operators/operators.ts'
import { endLateApprovals } from '../../../src/approvals/approvals.ts'
import { auditNames } from '../../../src/audit.ts'
import { insertIdentifier } from '../../../src/store/identifiers.ts'
import { createLog } from '../../../src/telemetry/log.ts'
import type { Asked, Model, ModelRole } from './approval-model.ts'
import { newNumber } from './operators.ts'
import { recordPersons, recordSecrets } from '../record.ts'
import { openWorld, portalDefinition } from '../world.ts'

const words = { reason: 'because', evidence: 'papers' }
type Held = Readonly<Record<string, unknown>> | undefined

export async function openDesk() {
  const world = await openWorld({ database: 'embedded', state: 'embedded' })
  const { db, config } = world
  await world.register(portalDefinition('desk'))
  const citizenKeys = createCitizenKeys({
    indexKeys: config.keys.index,
    seal: createSeal(config.keys.seal, 'identifier'),
  })
  const write = (line: string) => void world.logLines.push(line)
  const log = createLog({ level: 'info', destination: { write } })

  async function newKey(id: string) {
    const { privateKey, publicKey } = await generateOperatorKey()
    recordSecrets([privateKey.d])
    const { audience } = config.admin
    const client = createAdminClient({ url: world.adminUrl, audience, operatorId: id, key: privateKey })
    return { publicKey, client }
  }

  /** @returns a desk for one story, with the operators, accounts and people of the model */
  return async function beginStory(model: Model) {
    await db.script('truncate operator cascade')
    const clients = new Map<string, AdminClient>()
    /** By approval: what the test must do once it was carried out. */
    const admissions = new Map<number, () => Promise<void>>()
    for (const [id, { kind, roles, maker }] of Object.entries(model.operators)) {
      const { publicKey, client } = await newKey(id)
      clients.set(id, client)
      const citizen = { type: 'citizen_id', keys: world.citizenKeysOf(newNumber()) } as const
      const person = kind === 'person' ? { citizen } : {}
      await createOperator({ db, log, actor: maker }, { id, roles, key: publicKey, ...person })
    }

    const subjects: string[] = model.people.map(() => randomUUID())
    for (const [index, { number }] of model.people.entries()) {
      await db.query(`insert into subject (id, kind) values ($1, 'citizen')`, [subjects[index]])
      const identifier = Identifier.parse('citizen_id', number)
      const keys = citizenKeys.keys(identifier)
      const [subjectId, sealed] = [subjects[index]!, citizenKeys.seal(identifier)]
      await insertIdentifier(db, { subjectId, type: 'citizen_id', sealed, keys }, null)
    }
    const turn = randomUUID()
    const idOf = (index: number) => `old-${turn}-${index}`
    const row = (index: number, more: object = {}) => ({ account_id: idOf(index), kind: 'citizen', ...more })
    await world.legacyAccounts('desk', ...model.accounts.map((_, index) => row(index)))
    // The last account gets a different number in a later file, which opens a case.
    const last = model.accounts.length - 1
    await world.legacyAccounts('desk', row(last, { citizen_id: newNumber() }))
    await world.legacyAccounts('desk', row(last, { citizen_id: newNumber() }))
    const found = await db.query<{ id: string }>(
      `select id::text from (select id from legacy_account order by id desc limit $1) a order by id`,
      [model.accounts.length],
    )
    const accounts = found.map(({ id }) => id)
    const cases: string[] = (
      await db.query<{ id: string }>('select id from review_case where account_id = $1', [accounts[last]])
    ).map(({ id }) => id)
    const approvals: string[] = []
    const [mark] = await db.query<{ id: string }>('select coalesce(max(id), 0)::text as id from audit_event')
    const firstLine = world.logLines.length

    const call = (who: string, method: 'POST' | 'PUT' | 'PATCH', path: string, body?: unknown) =>
      clients.get(who)!.call<Held>(method, path, body)
    const review = (who: string, question: number, act: string, body: unknown) =>
      call(who, 'POST', `/v1/reviews/${cases[question]}/${act}`, body)

    /** @returns `send`: sends the request; `admit`: makes the client use the new key, if the request has one */
    async function requestOf(who: string, asked: Asked) {
      switch (asked.kind) {
        case 'create': {
          const { id, isMachine, roles } = asked
          const { publicKey, client } = await newKey(id)
          const known = isMachine ? { public_key: publicKey } : { citizen_id: newNumber() }
          const admit = async () => {
            clients.set(id, client)
            if (isMachine) return
            // How a person gets a key is not part of these stories.
            await db.query('update operator set public = $2 where id = $1', [id, publicKey])
          }
          return { send: () => call(who, 'POST', '/v1/operators', { id, roles, ...known }), admit }
        }
        case 'roles': {
          const { target, roles } = asked
          return { send: () => call(who, 'PATCH', `/v1/operators/${target}`, { roles }) }
        }
        case 'enable':
          return {
            send: () => call(who, 'POST', `/v1/operators/${asked.target}/enable`, { reason: 'is back' }),
          }
        case 'key': {
          const { publicKey, client } = await newKey(asked.target)
          return {
            send: () => call(who, 'PUT', `/v1/operators/${asked.target}/key`, { public_key: publicKey }),
            admit: async () => void clients.set(asked.target, client),
          }
        }
        case 'case':
          return { send: () => review(who, asked.question, 'confirm', words) }
        default: {
          const numbers = { old_number: asked.from, new_number: asked.to }
          recordPersons([{ citizen_id: asked.to }])
          return { send: () => call(who, 'POST', '/v1/citizens/rekey', { ...numbers, ...words }) }
        }
      }
    }
    return {
      /** @returns whether it waits for a second person; otherwise it was done at once */
      async ask(who: string, asked: Asked): Promise<{ waits: boolean }> {
        const { send, admit } = await requestOf(who, asked)
        const answer = await send()
        const id = answer?.['approval']
        if (typeof id === 'string') {
          if (admit !== undefined) admissions.set(approvals.length, admit)
          approvals.push(id)
        } else await admit?.()
        return { waits: typeof id === 'string' }
      },
      approve: (who: string, index: number) => call(who, 'POST', `/v1/approvals/${approvals[index]}/approve`),
      decline: (who: string, index: number) => call(who, 'POST', `/v1/approvals/${approvals[index]}/decline`),
      /** Call after an approval was carried out: new keys are used from then on. */
      carriedOut: async (index: number) => admissions.get(index)?.(),
      disable: (who: string, target: string) =>
        call(who, 'POST', `/v1/operators/${target}/disable`, { reason: 'left' }),
      async question(who: string, account: number, person: number): Promise<void> {
        const body = { account: accounts[account], subject: subjects[person], reason: words.reason }
        cases.push((await call(who, 'POST', '/v1/reviews', body))!['id'] as string)
      },
      dismiss: (who: string, question: number) => review(who, question, 'dismiss', { reason: 'it is not' }),
      retire: (who: string, question: number) => review(who, question, 'retire', { reason: 'it is not' }),
      /** A change from outside the story. */
      strip: (target: string, roles: readonly ModelRole[]) =>
        db.query('update operator set roles = $2 where id = $1', [target, roles]),
      late: (index: number) =>
        db.query(`update approval set expires_at = now() - interval '1 second' where id = $1`, [
          approvals[index],
        ]),
      sweep: () => endLateApprovals({ db, log }),

      /** The state of the database in the model's terms. */
      async state() {
        const ended = await db.query<{
          id: string
          outcome: string | null
          by: string | null
          sealed: boolean
        }>('select id, outcome, ended_by as by, sealed is not null as sealed from approval')
        const operators = await db.query<{ id: string; roles: string[]; disabled: boolean }>(
          'select id, roles, disabled_at is not null as disabled from operator order by id',
        )
        const states = await db.query<{ state: string; holder: string | null }>(
          `select state, (select subject_id from account_link where account_id = a.id and unlinked_at is null) as holder
           from legacy_account a where id = any($1::bigint[]) order by id`,
          [accounts],
        )
        const outcomes = await db.query<{ id: string; outcome: string | null; person: string | null }>(
          'select id, outcome, subject_id as person from review_case where id = any($1::uuid[])',
          [cases],
        )
        return {
          approvals: approvals.map((id) => {
            const { outcome, by, sealed } = ended.find((one) => one.id === id)!
            return { outcome, by, sealed }
          }),
          operators,
          accounts: states.map(({ state, holder }) => ({ state, holder: subjects.indexOf(holder ?? '') })),
          cases: cases.map((id) => {
            const one = outcomes.find((each) => each.id === id)!
            return { outcome: one.outcome, person: subjects.indexOf(one.person ?? '') }
          }),
        }
      },
      /** The story's audit rows, its log lines of audit events, and the events of each approval. */
      async told() {
        interface Row {
          event: string
          client: string | null
          subject: string | null
          actor: string
          reference: string | null
          detail: Record<string, unknown>
        }
        const rows = await db.query<Row>(
          `select event, client_id as client, subject_id as subject, actor, reference, detail from audit_event
           where id > $1::bigint order by id`,
          [mark!.id],
        )
        const lines = world.logLines
          .slice(firstLine)
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .filter(({ event }) => (auditNames as unknown[]).includes(event))
        return {
          written: rows.map(({ event, client, subject, reference, detail }) => ({
            event,
            ...(client !== null && { client }),
            ...(subject !== null && { subject }),
            ...(reference !== null && { reference }),
            ...detail,
          })),
          announced: lines.map(({ level: _level, time: _time, ...line }) => line),
          approvals: approvals.map((id) =>
            rows
              .filter(({ event, detail }) => event.startsWith('approval.') && detail['approval'] === id)
              .map(({ actor, event, detail }) =>
                event === 'approval.asked' ? `asked by ${actor}` : `${String(detail['outcome'])} by ${actor}`,
              ),
          ),
        }
      },
    }
  }
}
