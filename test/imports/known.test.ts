/** An import of known accounts: what it changes, and when it opens a case for a person to decide. */
import { beforeAll, describe, expect, test } from 'vitest'
import { checkMapping, noFaults } from '../support/mapping/check.ts'
import {
  type Imports,
  type Row,
  attested,
  importsOn,
  numberOf,
  officer,
  openImports,
  testKeys,
} from '../support/imports/imports.ts'
import { knownPersons } from '../support/operators/operators.ts'

const anotherNumber = 'the account already has another number; an operator decides'

describe('an import', () => {
  let on: Imports
  let person = 0
  beforeAll(async () => {
    on = await openImports()
    await knownPersons(on.db, ['officer-1', 'officer-2'])
  })
  /** A portal with one account `a`, and the citizen whose number the account has. */
  async function open(more: Row = attested) {
    const clientId = await on.portal()
    const mine = (person += 2)
    const row = { account_id: 'a', citizen_id: numberOf(mine), ...more }
    await on.importRows(clientId, [row])
    return {
      clientId,
      row,
      /** A number other than that of `a`. */
      another: numberOf(mine + 1),
      login: () => on.login(clientId, mine),
      account: async () => (await on.accounts(clientId))['a']!,
      cases: () => on.cases(clientId),
      async send(...rows: Row[]) {
        const { rows: told } = await on.importRows(clientId, rows)
        return told.map(({ result, detail }) => (detail === '' ? result : `${result}: ${detail}`))
      },
    }
  }

  test('refuses another number for an account, keeps the old one, and opens a case that holds the row', async () => {
    const at = await open()
    const was = await at.account()
    const row = { ...at.row, citizen_id: at.another, name: 'Người Khác' }
    const asked = {
      accountId: 'a',
      reason: 'number_changed',
      subject: null,
      outcome: null,
      opened_by: 'officer-1',
      reference: 'R',
      other: { accountId: 'a', name: 'Người Khác', number: at.another },
      audits: 1,
    }
    // One case, however often the file is imported.
    for (let turn = 0; turn < 3; turn++) {
      expect(await at.send(row)).toEqual([`refused: ${anotherNumber}`])
      expect(await at.account()).toEqual({ ...was, state: 'in_review', classes: ['number_changed'] })
      expect(await at.cases()).toMatchObject([asked])
    }
    // The old row changes nothing and does not close the case.
    expect(await at.send(at.row)).toEqual(['unchanged'])
    await at.login()
    expect(await at.account()).toMatchObject({ state: 'in_review', classes: ['number_changed'] })

    const [question] = await at.cases()
    const approval = await on.mapping.confirm(question!.id, { ...officer, evidence: 'the letter' })
    await on.mapping.approve(approval, { actor: 'officer-2', reference: 'R' })
    expect(await at.account()).toMatchObject({ state: 'open', number: at.another, attested_on: null })
    expect(await at.send(row)).toEqual(['changed'])
    expect(await at.account()).toMatchObject({ number: at.another, attested_on: '2024-05-20', classes: [] })
    expect(await at.send(row)).toEqual(['unchanged'])
    expect(await checkMapping(on.db)).toEqual(noFaults)
  })

  test('keeps a linked account linked when its row has another number, and opens a case about its citizen', async () => {
    const at = await open()
    const subject = await at.login()
    expect(await at.send({ ...at.row, citizen_id: at.another })).toEqual([`refused: ${anotherNumber}`])
    expect(await at.account()).toMatchObject({ state: 'linked', number: at.row.citizen_id })
    expect(await at.cases()).toMatchObject([{ reason: 'number_changed', subject, audits: 1 }])
    expect(await checkMapping(on.db)).toEqual(noFaults)
  })

  test('stores a number for an account that had none', async () => {
    const at = await open({ citizen_id: '', cmnd: '012345678' })
    expect(await at.account()).toMatchObject({ number: undefined, classes: ['cmnd_only'] })
    expect(await at.send({ account_id: 'a', citizen_id: at.another, ...attested })).toEqual(['changed'])
    expect(await at.account()).toMatchObject({ state: 'open', number: at.another, classes: [] })
    expect(await at.cases()).toEqual([])
  })

  test('of a linked account without a number stores the citizen’s own number, and opens a case for any other', async () => {
    const at = await open()
    const subject = await at.login()
    const { records } = on.mapping
    const key = records.accountKey(at.clientId, 'a')
    // As if the portal had vouched for the link.
    await on.db.query(
      `update legacy_account set identifier_type = null, identifier_key = null, attested_on = null, sealed = $2,
         digest = '' where account_key = $1`,
      [key, records.seal(key, { accountId: 'a' })],
    )
    expect(await at.account()).toMatchObject({ state: 'linked', number: undefined })
    expect(await at.send({ ...at.row, citizen_id: at.another })).toEqual([`refused: ${anotherNumber}`])
    expect(await at.account()).toMatchObject({ state: 'linked', number: undefined })
    expect(await at.cases()).toMatchObject([
      { reason: 'number_changed', subject, other: { number: at.another }, audits: 1 },
    ])
    expect(await at.send(at.row)).toEqual(['changed'])
    expect(await at.account()).toMatchObject({ state: 'linked', number: at.row.citizen_id })
    expect(await checkMapping(on.db)).toEqual(noFaults)
  })

  test('exempts staff, and ends the exemption when they are no longer staff', async () => {
    const at = await open()
    const staff = { ...at.row, kind: 'staff' }
    expect(await at.send(staff)).toEqual(['changed'])
    expect(await at.account()).toMatchObject({ state: 'exempt', kind: 'staff', classes: ['staff_account'] })
    await at.login()
    expect(await at.send(staff)).toEqual(['unchanged'])
    expect(await at.account()).toMatchObject({ state: 'exempt' })
    expect(await at.send(at.row)).toEqual(['changed'])
    expect(await at.account()).toMatchObject({ state: 'open', kind: 'citizen', classes: [] })
    await at.login()
    expect(await at.account()).toMatchObject({ state: 'linked' })
    expect(await checkMapping(on.db)).toEqual(noFaults)
  })

  test('exempts an account of staff once its case is closed', async () => {
    const at = await open()
    const elsewhere = await on.login(at.clientId, (person += 2))
    const question = await on.mapping.question((await at.account()).id, elsewhere, officer)
    const staff = { ...at.row, kind: 'staff' }
    expect(await at.send(staff)).toEqual(['changed'])
    expect(await at.account()).toMatchObject({ state: 'in_review', kind: 'staff' })
    await on.mapping.dismiss(question, officer)
    expect(await at.account()).toMatchObject({ state: 'open' })
    expect(await at.send(staff)).toEqual(['changed'])
    expect(await at.account()).toMatchObject({ state: 'exempt' })
    expect(await at.send(staff)).toEqual(['unchanged'])
  })

  test('refuses another kind for a linked account, and opens a case', async () => {
    const at = await open()
    const subject = await at.login()
    for (const kind of ['staff', 'organisation']) {
      const wrong = 'kind: the account is already linked as another kind; an operator decides'
      expect(await at.send({ ...at.row, kind })).toEqual([`refused: ${wrong}`])
    }
    expect(await at.account()).toMatchObject({ state: 'linked', kind: 'citizen', classes: [] })
    expect(await at.cases()).toMatchObject([{ reason: 'kind_changed', subject, audits: 1 }])
    expect(await checkMapping(on.db)).toEqual(noFaults)
  })

  test('marks accounts that share a number, within the file and with known accounts', async () => {
    const at = await open()
    const twin = { ...at.row, account_id: 'twin' }
    const { rows } = await on.importRows(at.clientId, [twin])
    expect(rows).toMatchObject([{ result: 'accepted', classes: ['several_accounts'] }])
    // The known account is marked too, though it is not in the file.
    expect(await at.account()).toMatchObject({ classes: ['several_accounts'] })
    expect(await at.send(at.row, twin)).toEqual(['unchanged', 'unchanged'])
    // Accounts of different portals do not share numbers in this sense.
    const { rows: elsewhere } = await on.importRows(await on.portal(), [at.row])
    expect(elsewhere).toMatchObject([{ classes: [] }])
    await at.login()
    expect(Object.values(await on.accounts(at.clientId)).map(({ state }) => state)).toEqual([
      'linked',
      'linked',
    ])
  })

  test("refuses a row that would take a number away: the next could bring another person's without a conflict", async () => {
    const at = await open()
    const refused = 'refused: the account has a number, which an import cannot remove'
    expect(await at.send({ account_id: 'a' })).toEqual([refused])
    expect(await at.send({ account_id: 'a', cmnd: '999912399' })).toEqual([refused])
    expect(await at.account()).toMatchObject({ state: 'open', number: at.row.citizen_id })
    expect(await at.send({ ...at.row, citizen_id: at.another })).toEqual([`refused: ${anotherNumber}`])
    expect(await at.send(at.row)).toEqual(['unchanged'])
  })

  test('counts the number of a row as it will be after the import', async () => {
    const at = await open({ citizen_id: '', attested_at: '' })
    const shared = { citizen_id: at.another, ...attested }
    const rows = [
      { account_id: 'a', ...shared },
      { account_id: 'c', ...shared },
    ]
    expect(await at.send(...rows)).toEqual(['changed', 'accepted'])
    expect(await at.send(...rows)).toEqual(['unchanged', 'unchanged'])
    expect(await at.account()).toMatchObject({ classes: ['several_accounts'] })
  })

  test('keeps a retired account retired, whatever its rows contain', async () => {
    const at = await open()
    const question = await on.mapping.question(
      (await at.account()).id,
      await on.login(at.clientId, (person += 2)),
      officer,
    )
    await on.mapping.retire(question, officer)
    expect(await at.send(at.row)).toEqual(['unchanged'])
    expect(await at.send({ ...at.row, province: '79' })).toEqual(['changed'])
    expect(await at.send({ ...at.row, kind: 'staff' })).toEqual(['changed'])
    expect(await at.send({ ...at.row, citizen_id: at.another })).toEqual([`refused: ${anotherNumber}`])
    await on.cancelNumberOf(await at.login())
    expect(await at.send(at.row)).toEqual(['changed'])
    expect(await at.account()).toMatchObject({ state: 'retired', number: at.row.citizen_id })
    expect(await at.cases()).toMatchObject([{ reason: 'by_hand', outcome: 'retired' }])
    expect(await checkMapping(on.db)).toEqual(noFaults)
  })

  test('opens one case about an account whose number has been cancelled, and only one', async () => {
    const at = await open({ citizen_id: '' })
    const cancelled = person + 1
    const subject = await on.login(at.clientId, cancelled)
    await on.cancelNumberOf(subject)
    const row = { account_id: 'a', citizen_id: numberOf(cancelled), ...attested }
    expect(await at.send(row, { ...row, account_id: 'b' })).toEqual(['changed', 'accepted'])
    expect(await at.send(row, { ...row, account_id: 'b' })).toEqual(['unchanged', 'unchanged'])
    const about = { reason: 'number_cancelled', subject, outcome: null, other: null, audits: 1 }
    expect(new Set((await at.cases()).map(({ accountId }) => accountId))).toEqual(new Set(['a', 'b']))
    expect(await at.cases()).toMatchObject([about, about])
    expect(await checkMapping(on.db)).toEqual(noFaults)
  })

  test('after an index key was rotated recognises every account as before, and finds no conflict', async () => {
    const at = await open()
    const rows: Row[] = [
      at.row,
      { ...at.row, account_id: 'twin' },
      { account_id: 'cmnd', cmnd: '012345678' },
      { account_id: 'changes', citizen_id: numberOf((person += 2)), ...attested },
      { account_id: 'conflicts', citizen_id: numberOf((person += 2)), ...attested },
    ]
    await on.importRows(at.clientId, rows)
    expect(await at.send(...rows)).toEqual(Array.from({ length: 5 }, () => 'unchanged'))
    const before = await on.accounts(at.clientId)

    const rotated = importsOn(on.db, { ...testKeys, index: [Buffer.alloc(32, 9), ...testKeys.index] })
    const told = async (...given: Row[]) =>
      (await rotated.importRows(at.clientId, given)).rows.map(({ result, classes }) =>
        [result, ...classes].join(' '),
      )
    expect(await told(...rows)).toEqual([
      'unchanged several_accounts',
      'unchanged several_accounts',
      'unchanged cmnd_only',
      'unchanged',
      'unchanged',
    ])
    expect(await rotated.accounts(at.clientId)).toEqual(before)
    expect(
      await told(
        { ...at.row, account_id: 'third' },
        { ...rows[3]!, province: '79' },
        { ...rows[4]!, citizen_id: at.another },
      ),
    ).toEqual(['accepted several_accounts', 'changed', 'refused number_changed'])
    const after = await rotated.accounts(at.clientId)
    expect(after['changes']!.identifier_key).not.toBe(before['changes']!.identifier_key)
    expect(await told({ ...rows[3]!, province: '79' }, ...rows.slice(0, 2))).toEqual([
      'unchanged',
      'unchanged several_accounts',
      'unchanged several_accounts',
    ])
    // A citizen who signs in gets all of their accounts, whichever key they are stored under.
    await rotated.login(at.clientId, Number(at.row.citizen_id.slice(-6)))
    const linked = Object.entries(await rotated.accounts(at.clientId)).filter(
      ([, { state }]) => state === 'linked',
    )
    expect(linked.map(([id]) => id).toSorted()).toEqual(['a', 'third', 'twin'])
    expect(await checkMapping(on.db)).toEqual(noFaults)
  })
})
