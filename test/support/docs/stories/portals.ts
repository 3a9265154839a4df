/** The commands of docs/operate/registry.md, secrets.md, suspend.md and rehoming.md. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { vietnamDate } from '../../../../src/vietnam-date.ts'
import { portalDefinition } from '../../world.ts'
import type { Stage, Step, Take } from '../story.ts'

const exampleOf = (id: string) => `config/portals.example/${id}.yaml`
const fileOf = ({ folder }: Stage, id: string) => join(folder, 'portals', `${id}.yaml`)

/** The id of the secret that is listed first or last. */
const takeSecret =
  (at: 0 | -1): Take =>
  (out, { facts }) => {
    facts['SECRET'] = out.trim().split('\n').at(at)!.split(' ')[0]!
  }
const about =
  (id: string) =>
  ({ facts }: Stage) => {
    facts['ID'] = id
  }
export const takeApproval: Take = (out, { facts }) => {
  facts['APPROVAL'] = /[\da-f]{8}-[\w-]{27}/.exec(out)?.[0] ?? out
}

export const portalStory: readonly Step[] = [
  {
    line: 'npm run cli -- client apply portals',
    before: (stage) => {
      for (const id of ['cong-bo-xay-dung', 'portal-of-yours']) cpSync(exampleOf(id), fileOf(stage, id))
    },
    prints: /new +cong-bo-xay-dung +active[^]*--yes/,
    exits: 1,
  },
  { line: 'npm run cli -- client apply portals --yes', prints: /created +cong-bo-xay-dung/ },
  { line: 'npm run cli -- client diff portals', prints: /equal/ },
  { line: 'npm run cli -- client list', prints: /cong-bo-xay-dung[^]*portal-of-yours/ },
  {
    line: 'npm run cli -- client show ID',
    before: about('portal-of-yours'),
    prints: /client_id: portal-of-yours/,
  },
  { line: 'npm run cli -- client history ID', prints: /version 1 .*an\.nguyen/ },
  { line: 'npm run cli -- client secret list ID', prints: /^\S+ +made /, after: takeSecret(0) },
  { line: 'npm run cli -- client secret rotate ID', prints: /shown this once: \S{40}/ },
  { line: 'npm run cli -- client secret revoke ID SECRET', prints: /revoked/ },
  {
    line: 'npm run cli -- client secret rotate ID --old-ends 12h --expires 180d',
    prints: /shown this once/,
  },
  { line: 'npm run cli -- client secret list ID', prints: /made [^]*made /, after: takeSecret(-1) },
  { line: 'npm run cli -- client secret revoke ID SECRET', prints: /revoked/ },
  { line: 'npm run cli -- client secret rotate ID --old-ends 0d', prints: /shown this once/ },
  {
    line: 'npm run cli -- client suspend ID --reason …',
    prints: /^portal-of-yours is suspended\n$/,
  },
  { line: 'npm run cli -- client activate ID', prints: /^portal-of-yours is active\n$/ },
  { line: 'npm run cli -- client suspend ID --reason …', prints: /suspended/ },
  {
    line: 'npm run cli -- client apply portals --retire-missing --reason … --yes',
    before: (stage) => rmSync(fileOf(stage, 'portal-of-yours')),
    prints: /retired +portal-of-yours/,
  },
  {
    line: 'npm run cli -- client suspend ID --reason …',
    before: async ({ world, facts }) => {
      await world.register(portalDefinition('a-trial'))
      facts['ID'] = 'a-trial'
    },
    prints: /a-trial is suspended/,
  },
  { line: 'npm run cli -- client retire ID --reason …', prints: /a-trial is retired/ },
  {
    line: 'npm run cli -- client rehome OLD NEW --until 2027-06-30 --reason …',
    before: async ({ world, facts }) => {
      await world.register(portalDefinition('the-old'))
      const policy = { mapping: { former_portals: true } }
      await world.register(portalDefinition('the-new', { policy }))
      Object.assign(facts, { OLD: 'the-old', NEW: 'the-new' })
      facts['2027-06-30'] = vietnamDate(Date.now() + 30 * 86_400_000)
    },
    prints: /\S/,
    after: takeApproval,
  },
  { line: 'npm run cli -- approval approve APPROVAL', by: 'two', prints: /^approved/ },
  { line: 'npm run cli -- client rehome list', prints: /the-old.*the-new/ },
  { line: 'npm run cli -- client rehome undo OLD', prints: /the-old.*the-new/ },
]
