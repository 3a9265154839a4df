/** The commands of docs/operate/operators.md, sign-in.md, access-review.md and admin-api.md. */
import { createVisitor } from '../../../../src/sandbox/visitor.ts'
import { newNumber } from '../../operators/operators.ts'
import { numberOf } from '../../operators/officers.ts'
import { press } from '../../portal.ts'
import type { Stage, Step } from '../story.ts'
import { takeApproval } from './portals.ts'

const approve: Step = {
  line: 'npm run cli -- approval approve APPROVAL',
  by: 'two',
  prints: /^approved/,
}
const decline: Step = {
  line: 'npm run cli -- approval decline APPROVAL',
  by: 'two',
  prints: /^declined/,
}
const newPerson = () => `${newNumber()}\n`

/** Signs in as a citizen of the sandbox after the address has been printed. */
function allowInBrowser(citizen: string) {
  let begun = false
  return async (printed: string, { world }: Stage) => {
    const [, address, code = ''] = /(http\S+)\n.*: (\S+)\n/.exec(printed) ?? []
    if (address === undefined || begun) return
    begun = true
    world.simulator.approve(citizen)
    const visitor = createVisitor()
    const page = await press(visitor, await visitor.open(address), { user_code: code })
    await press(visitor, page, { confirm: 'yes' })
  }
}

export const operatorStory: readonly Step[] = [
  { line: 'npm run cli -- operator whoami', prints: /^an\.nguyen / },
  {
    line: 'npm run cli -- operator add binh.tran --role mapping_officer --citizen',
    input: () => `${numberOf('binh')}\n`,
    prints: /\S/,
    after: takeApproval,
  },
  { line: 'npm run cli -- approval list', by: 'two', prints: /binh\.tran/ },
  approve,
  {
    line: 'npm run cli -- operator add nightly --role viewer --machine --key nightly.key',
    prints: /\S/,
    after: takeApproval,
  },
  approve,
  {
    line: 'npm run cli -- operator roles binh.tran mapping_officer,auditor',
    prints: /\S/,
    after: takeApproval,
  },
  decline,
  {
    line: 'npm run cli -- operator key nightly --key nightly-2.key',
    prints: /\S/,
    after: takeApproval,
  },
  approve,
  {
    line: 'npm run cli -- operator number binh.tran',
    input: newPerson,
    prints: /\S/,
    after: takeApproval,
  },
  decline,
  { line: 'npm run cli -- operator list', prints: /binh\.tran .*mapping_officer[^]*nightly .*viewer/ },
  { line: 'npm run cli -- operator disable binh.tran --reason …', prints: /disabled binh\.tran/ },
  { line: 'npm run cli -- operator enable binh.tran --reason …', prints: /\S/, after: takeApproval },
  approve,
  { line: 'npm run cli -- operator history binh.tran', prints: /by nam\.two[^]*because/ },
  {
    line: 'npm run cli -- operator sign-in',
    by: 'person',
    meanwhile: allowInBrowser('binh'),
    prints: /signed in/,
  },
  { line: 'npm run cli -- operator whoami', by: 'person', prints: /^binh\.tran +mapping_officer/ },
  {
    line: 'npm run cli -- operator key binh.tran --key binh.tran.key',
    by: 'person',
    prints: /\S/,
    after: takeApproval,
  },
  approve,
  {
    line: 'npm run cli -- operator key binh.tran --remove',
    by: 'person',
    prints: /\S/,
    after: takeApproval,
  },
  approve,
  { line: 'npm run cli -- operator sign-out', by: 'person', prints: /signed out/ },
  { line: 'npm run cli -- operator review --csv', prints: /"id","kind","roles"[^]*"binh\.tran"/ },
  {
    line: 'npm run cli -- operator review',
    prints: /operator review confirm \S+\s*$/,
    after: (out, { facts }) => {
      facts['MOMENT'] = out.trim().split(' ').at(-1)!
    },
  },
  { line: 'npm run cli -- operator review confirm MOMENT', prints: /six months/ },
  { line: 'npm run cli -- api', prints: /"openapi": "3\.1/ },
]

/** The broker's own commands, on a separate database. */
export const newBrokerStory: readonly Step[] = [
  { line: 'npm run cli -- migrate', by: 'new broker', prints: /applied 001-subjects\.sql/ },
  { line: 'npm run cli -- migrate', by: 'new broker', prints: /nothing to do/ },
  { line: 'npm run cli -- keys generate', by: 'new broker', prints: /ES256/ },
  { line: 'npm run cli -- config check', by: 'broker', prints: /database, state and upstream/ },
  {
    line: 'npm run cli -- operator create cuc.le --role security_officer --citizen',
    by: 'new broker',
    input: newPerson,
    prints: /cuc\.le/,
  },
  {
    line: 'npm run cli -- operator restore an.nguyen',
    by: 'broker',
    before: async ({ world }) => {
      const officers = `update operator set disabled_at = now(), disabled_by = 'system', disabled_reason = 'idle'`
      await world.db.query(`${officers} where 'security_officer' = any(roles)`)
    },
    prints: /enabled/,
  },
]
