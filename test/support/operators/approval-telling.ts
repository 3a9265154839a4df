/** Runs one random story against the admin API and against the model, and compares them after every command. */
import { expect } from 'vitest'
import {
  type Asked,
  type Model,
  type Reasons,
  approve,
  ask,
  carryOut,
  decline,
  dismiss,
  isAlone,
  isOver,
  mayDisable,
  reasonsAgainst,
  reasonsAgainstApproving,
  reasonsAgainstAsking,
  reasonsAgainstDeclining,
  retire,
} from './approval-model.ts'
import type { Command, Story, Verdict } from './approval-stories.ts'
import { beginning, expectedState } from './approval-beginning.ts'
import type { openDesk } from './approval-desk.ts'
import { newNumber } from './operators.ts'

const codeOf = (call: Promise<unknown>): Promise<string | undefined> =>
  call.then(
    () => undefined,
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )

/** @param seen collects the situations that the story reached */
export async function tell(
  begin: Awaited<ReturnType<typeof openDesk>>,
  seen: Set<string>,
  { isYoung, commands }: Story,
): Promise<void> {
  let model = beginning(isYoung)
  const desk = await begin(model)

  /** The API must refuse for one of the model's reasons, or carry it out if there is none. */
  function judge(what: string, code: string | undefined, against: Reasons): boolean {
    seen.add(`${what} ${code ?? 'done'}`)
    const expected = against.size === 0 ? ['done'] : [...against]
    expect({ what, code: expected.includes(code ?? 'done') ? code : expected }).toEqual({ what, code })
    return code === undefined
  }

  async function asked(by: string, what: Asked): Promise<void> {
    const against = reasonsAgainstAsking(model, by, what)
    if (!(by in model.operators)) return
    const alone = isAlone(model, by, what)
    const answer = desk.ask(by, what)
    if (!judge(`ask ${what.kind}`, await codeOf(answer), against)) return
    expect(await answer).toEqual({ waits: !alone })
    if (!alone) return void ask(model, by, what)
    seen.add('alone')
    carryOut(model, what, by, by)
    return undefined
  }

  interface Chosen {
    readonly what: 'approve' | 'decline'
    readonly index: number
    readonly by: string
  }
  function choose(
    { what, pick: nth, isOfAll, who: anybody }: Verdict,
    preferred?: number,
  ): Chosen | undefined {
    const all = model.approvals.map((_, index) => index)
    const some = isOfAll ? all : all.filter((index) => !isOver(model.approvals[index]!))
    const index = preferred ?? some[nth % Math.max(some.length, 1)]
    if (index === undefined) return undefined
    const approval = model.approvals[index]!
    const fit = Object.keys(model.operators).filter(
      (one) => ![...reasonsAgainstApproving(model, one, approval)].includes('second_person_needed'),
    )
    const by =
      (anybody === 'who asked' ? approval.by : anybody) ?? fit[nth % Math.max(fit.length, 1)] ?? 'one'
    return by in model.operators ? { what, index, by } : undefined
  }
  const against = (m: Model, { what, index, by }: Chosen) =>
    what === 'approve'
      ? reasonsAgainstApproving(m, by, m.approvals[index]!)
      : reasonsAgainstDeclining(m, by, m.approvals[index]!)
  const send = ({ what, index, by }: Chosen) => codeOf(desk[what](by, index))
  function follow(m: Model, { what, index, by }: Chosen): void {
    const approval = m.approvals[index]!
    if (what === 'approve') approve(m, approval, by)
    else decline(approval, by)
  }
  async function follows({ what, index }: Chosen) {
    if (what === 'approve') await desk.carriedOut(index)
  }

  async function perform(given: Command): Promise<unknown> {
    switch (given.type) {
      case 'create': {
        const { id, isMachine, roles: wanted } = given
        return asked(given.who, { kind: 'create', id, isMachine, roles: wanted })
      }
      case 'roles':
        return asked(given.who, { kind: 'roles', target: given.target, roles: given.roles })
      case 'enable': {
        const barred = Object.keys(model.operators).filter((id) => model.operators[id]!.disabled)
        return asked(given.who, { kind: 'enable', target: barred[given.pick] ?? given.target })
      }
      case 'key':
        return asked(given.who, { kind: 'key', target: given.target })
      case 'case':
        return asked(given.who, { kind: 'case', question: given.pick % model.cases.length })
      case 'rekey': {
        const mover = model.people[given.person]!
        if (mover.replacedBy !== null) return undefined
        const known = model.people.flatMap(({ number, earlier }) => [number, ...earlier])
        const to = known[given.to] ?? newNumber()
        return asked(given.who, { kind: 'rekey', person: given.person, from: mover.number, to })
      }
      case 'question': {
        if (!(given.who in model.operators)) return undefined
        const { account, person: index } = given
        const { state, holder } = model.accounts[account]!
        const isAsked = model.cases.some(
          (one) => one.account === account && one.person === index && one.outcome === null,
        )
        const isRefused =
          state === 'retired' || holder === index || isAsked || model.people[index]!.replacedBy !== null
        const hindrance: Reasons = new Set(isRefused ? ['state_conflict'] : [])
        const all = reasonsAgainst(model, given.who, ['mapping_officer']).union(hindrance)
        if (!judge('question', await codeOf(desk.question(given.who, account, index)), all)) return undefined
        model.cases.push({ account, person: index, outcome: null })
        if (state === 'open') model.accounts[account]!.state = 'in_review'
        return undefined
      }
      case 'dismiss':
      case 'retire': {
        if (!(given.who in model.operators)) return undefined
        const question = given.pick % model.cases.length
        const { account, outcome } = model.cases[question]!
        const all = reasonsAgainst(model, given.who, ['mapping_officer'])
        if (outcome !== null) all.add('case_gone')
        if (given.type === 'retire' && model.accounts[account]!.state !== 'in_review')
          all.add('state_conflict')
        if (!judge(given.type, await codeOf(desk[given.type](given.who, question)), all)) return undefined
        return given.type === 'dismiss'
          ? dismiss(model, question, given.who)
          : retire(model, account, given.who)
      }
      case 'disable': {
        if (!(given.who in model.operators)) return undefined
        const all = reasonsAgainst(model, given.who, ['security_officer'])
        for (const each of mayDisable(model, given.target)) all.add(each)
        if (judge('disable', await codeOf(desk.disable(given.who, given.target)), all))
          model.operators[given.target]!.disabled = true
        return undefined
      }
      case 'strip': {
        const found = model.operators[given.target]
        // Without its last officer the story could not go on; the API refuses that too.
        if (found === undefined || given.target === 'one') return undefined
        await desk.strip(given.target, given.roles)
        found.roles = given.roles
        return undefined
      }
      case 'late': {
        const open = model.approvals.filter(
          ({ outcome, asked: { kind } }) => outcome === null && kind !== 'case' && kind !== 'rekey',
        )
        const found = open[given.pick % Math.max(open.length, 1)]
        if (found === undefined) return undefined
        found.isLate = true
        return desk.late(model.approvals.indexOf(found))
      }
      case 'sweep': {
        await desk.sweep()
        for (const one of model.approvals)
          if (one.isLate && one.outcome === null)
            Object.assign(one, { outcome: 'expired', endedBy: 'system' })
        return undefined
      }
      case 'end': {
        const chosen = choose(given.verdict)
        if (chosen === undefined) return undefined
        const {
          asked: { kind },
        } = model.approvals[chosen.index]!
        if (!judge(`${chosen.what} ${kind}`, await send(chosen), against(model, chosen))) return undefined
        follow(model, chosen)
        return follows(chosen)
      }
      default: {
        const first = choose(given.verdict)
        const second = choose(given.rival, given.isSame ? first?.index : undefined)
        if (first === undefined || second === undefined) return undefined
        const codes = await Promise.all([send(first), send(second)])
        // The API may take either first: one of the two orders must explain both answers.
        const orders = [
          [0, 1],
          [1, 0],
        ].flatMap((order) => {
          const next = structuredClone(model)
          const explains = order.every((at) => {
            const [chosen, code] = [[first, second][at]!, codes[at]]
            const reasons = against(next, chosen)
            if (code !== undefined) return reasons.has(code)
            if (reasons.size > 0) return false
            follow(next, chosen)
            return true
          })
          return explains ? [next] : []
        })
        expect({ first, second, codes, orders: orders.length }).not.toMatchObject({ orders: 0 })
        if (first.index === second.index && codes.includes(undefined)) seen.add('race')
        model = orders[0]!
        for (const [at, chosen] of [first, second].entries())
          if (codes[at] === undefined) await follows(chosen)
        return undefined
      }
    }
  }

  for (const given of commands) {
    await perform(given)
    expect({ after: given, ...(await desk.state()) }).toEqual({ after: given, ...expectedState(model) })
  }
  for (const { outcome } of model.approvals) seen.add(`ended ${outcome ?? 'open'}`)
  const { written, announced, approvals } = await desk.told()
  const sorted = (lines: readonly object[]) =>
    lines.map((line) => JSON.stringify(line, Object.keys(line).toSorted())).toSorted()
  expect(sorted(announced)).toEqual(sorted(written))
  expect(approvals).toEqual(
    model.approvals.map(({ by, outcome, endedBy }) => [
      `asked by ${by}`,
      ...(outcome === null ? [] : [`${outcome} by ${endedBy}`]),
    ]),
  )
}
