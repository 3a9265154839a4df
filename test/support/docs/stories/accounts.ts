/** The commands of docs/operate/import.md, cases.md and renumber.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { numberOf } from '../../operators/officers.ts'
import type { Stage, Step } from '../story.ts'
import { takeApproval } from './portals.ts'

const number = (citizen: string) => () => `${numberOf(citizen)}\n`
const approve: Step = {
  line: 'npm run cli -- approval approve APPROVAL',
  by: 'two',
  prints: /^approved/,
}
/** The case of the portal's only account. */
const takeCase = async ({ office, facts }: Stage) => {
  const { reviews } = await office.one.call<{ reviews: { id: string; account: string }[] }>(
    'GET',
    `/v1/reviews?client=${facts['ID']}`,
  )
  Object.assign(facts, { CASE: reviews[0]!.id, ACCOUNT: reviews[0]!.account })
}

const example = 'config/legacy-accounts.cong-bo-xay-dung.example.csv'
const importLine = 'npm run cli -- legacy import accounts.csv.gz --client cong-bo-xay-dung'

export const accountStory: readonly Step[] = [
  {
    line: `${importLine} --dry-run`,
    before: ({ folder }) => writeFileSync(join(folder, 'accounts.csv.gz'), gzipSync(readFileSync(example))),
    prints: /rows/,
    after: (_out, { folder }) => {
      if (!readFileSync(join(folder, 'accounts.csv.gz.result.csv'), 'utf8').includes('accepted'))
        throw new Error('the report of the dry run accepts no row')
    },
  },
  { line: importLine, prints: /rows/ },
  {
    line: 'npm run cli -- legacy imports --client ID',
    before: ({ facts }) => {
      facts['ID'] = 'cong-bo-xay-dung'
    },
    prints: /an\.nguyen[^]*an\.nguyen/,
  },
  { line: 'npm run cli -- progress', prints: /cong-bo-xay-dung/ },
  { line: 'npm run cli -- progress --csv', prints: /^"of","id"[^]*"portal","cong-bo-xay-dung"/ },
  { line: 'npm run cli -- progress --from … --to …', prints: /cong-bo-xay-dung/ },
  { line: 'npm run cli -- progress --client ID --classes', prints: /not_attested/ },
  {
    line: 'npm run cli -- review list',
    before: async (stage) => {
      const { at } = await stage.office.doubt('chi')
      stage.facts['ID'] = at.clientId
      await takeCase(stage)
    },
    prints: /not_attested +portal-1/,
  },
  { line: 'npm run cli -- review show CASE', prints: /number +\*{9}\d{3} +\*{9}\d{3}/ },
  {
    line: 'npm run cli -- review confirm CASE --reason … --evidence …',
    prints: /\S/,
    after: takeApproval,
  },
  { line: 'npm run cli -- approval list', by: 'two', prints: /account\.link[^]*because/ },
  approve,
  {
    line: 'npm run cli -- legacy find --client ID --citizen-id -',
    input: number('chi'),
    prints: /linked[^]* link \S+/,
    after: (out, { facts }) => {
      facts['LINK'] = / link (\S+)/.exec(out)![1]!
    },
  },
  {
    line: 'npm run cli -- link end ACCOUNT LINK --reason …',
    prints: /^ended/,
    after: (_out, stage) => takeCase(stage),
  },
  { line: 'npm run cli -- review dismiss CASE --reason …', prints: /^dismissed/ },
  { line: 'npm run cli -- review reopen CASE --reason …', prints: /^reopened/ },
  { line: 'npm run cli -- review retire CASE --reason …', prints: /^retired/ },
  {
    line: 'npm run cli -- review ask ACCOUNT --reason … --citizen-id -',
    before: async ({ office, facts }) => {
      const at = await office.openPortal()
      await at.account('an-1985', 'an')
      await at.meet('an')
      await at.meet('chi')
      Object.assign(facts, { ID: at.clientId, ACCOUNT: (await at.accounts())[0]!.account })
    },
    input: number('chi'),
    prints: /case \S+/,
  },
  {
    line: 'npm run cli -- refusals --client ID',
    before: ({ facts }) => {
      facts['ID'] = 'portal-1'
    },
    prints: /^/,
  },
  { line: 'npm run cli -- figures --client ID', prints: /portal-1/ },
  {
    line: 'npm run cli -- citizen rekey --reason … --evidence …',
    input: () => `${numberOf('an')}\n${numberOf('dai')}\n`,
    prints: /\S/,
    after: takeApproval,
  },
  approve,
]
