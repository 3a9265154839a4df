/** The registry and its reviewed files on the command line. */
import { stat } from 'node:fs/promises'
import type { z } from 'zod'
import { makeSecret } from '../registry/client-secret.ts'
import { type Fault, secretsIn, tellFault } from '../registry/definition.ts'
import { type Entry, type FileFault, readClientFiles } from './client-files.ts'
import { type ClientTools, type Commands, clientCommand, needed } from './command.ts'
import { Told } from './told.ts'
import type { applyAnswer, planAnswer } from '../admin/registry-operations.ts'

type Plan = z.output<typeof planAnswer>
type Planned = Plan['clients'][number]
type Missing = Plan['missing'][number]
interface Review {
  readonly definitions: readonly unknown[]
  readonly plan: Plan
}

export const registryCommands: Commands = {
  'client apply': clientCommand({
    call: 'PATH\n--yes\n--retire-missing\n--reason TEXT',
    about:
      'what makes the registry equal to reviewed files;\ndo it: all of it or none\nand retire drafts and suspended portals that no file names\nkept in the history of each portal that changes',
    options: { yes: 'boolean', 'retire-missing': 'boolean', reason: 'string' },
    async run(tools, args, { yes = false, 'retire-missing': retires = false, reason }) {
      const path = needed(args[0], 'the PATH of a folder or file')
      if (retires && (await stat(path).catch(() => undefined))?.isFile() === true)
        throw new Told('--retire-missing is for the folder with all portals; PATH is one file')
      const review = await reviewFiles(tools, path)
      const differs = show(tools, review, retires)
      if (differs && !yes) throw new Told('nothing was changed; --yes does it')
      const { clients, missing } = review.plan
      const retire = retires ? missing.filter(isRetirable) : []
      if (retire.length > 0) needed(reason, '--reason')
      if (clients.some(differsIn) || retire.length > 0) await apply(tools, review, { retire, reason })
    },
  }),

  'client diff': clientCommand({
    call: 'PATH',
    about: 'where the registry differs from reviewed files;\nexit code 1 if it does',
    async run(tools, args) {
      const review = await reviewFiles(tools, needed(args[0], 'the PATH of a folder or file'))
      if (show(tools, review, false)) throw new Told('the registry differs from the files')
    },
  }),
}

/** @throws Told with every fault, `FILE:LINE: path: what is wrong; what to do` */
async function reviewFiles({ admin }: ClientTools, path: string): Promise<Review> {
  const { entries, faults } = await readClientFiles(path)
  const found = [...faults]
  const clean: Entry[] = []
  for (const entry of entries) {
    // A secret does not leave this machine.
    const secrets = secretsIn(entry.value).map((fault) => placed(entry, fault))
    found.push(...secrets)
    if (secrets.length === 0) clean.push(entry)
  }
  const definitions = clean.map(({ value }) => value)
  const plan =
    clean.length === 0
      ? { clients: [], faults: [], missing: [] }
      : await admin.call<Plan>('POST', '/v1/clients/plan', { clients: definitions })
  found.push(...plan.faults.map((fault) => placed(clean[fault.index]!, fault)))
  if (found.length > 0)
    throw new Told(found.map(({ file, line, message }) => `${file}:${line}: ${message}`).join('\n'))
  return { definitions, plan }
}

const placed = (entry: Entry, fault: Fault): FileFault => ({
  file: entry.file,
  line: entry.lineOf(fault.path),
  message: tellFault(fault),
})

const differsIn = ({ version, from, state, changes, makes_secret: makesSecret }: Planned): boolean =>
  version === 0 || from !== state || changes.length > 0 || makesSecret

/** The file would have it active. */
const staysClosed = ({ notes }: Planned): boolean => notes.some(({ path }) => path[0] === 'state')

const isRetirable = ({ state }: Missing): boolean => state !== 'active'

/** @returns whether anything differs */
function show({ print }: ClientTools, { plan: { clients, missing } }: Review, retires: boolean): boolean {
  for (const planned of clients) {
    const { client_id: id, version, from, state, changes, makes_secret: makesSecret, notes } = planned
    const what = version === 0 ? 'new' : differsIn(planned) ? 'changed' : 'unchanged'
    print(`${what.padEnd(9)} ${id}  ${from === null || from === state ? state : `${from} → ${state}`}`)
    for (const { path, from: old, to } of changes) {
      if (old !== undefined) print(`  - ${path}: ${JSON.stringify(old)}`)
      if (to !== undefined) print(`  + ${path}: ${JSON.stringify(to)}`)
    }
    if (makesSecret) print('  + a client_secret will be made, and shown once')
    for (const note of notes) print(`  ! ${tellFault(note)}`)
  }
  for (const one of missing) {
    const { client_id: id, client_name: name, state } = one
    if (retires && isRetirable(one)) print(`retire    ${id}  ${state} → retired  ${name}`)
    else print(`drift     ${id}  ${state}, in the registry and in no file  ${name}`)
    if (retires && !isRetirable(one)) print(`  ! is not retired; "client suspend ${id} --reason …" first`)
  }
  const differs = clients.some(differsIn) || clients.some(staysClosed) || missing.length > 0
  if (!differs) print('the registry is equal to the files')
  return differs
}

async function apply(
  { admin, print }: ClientTools,
  { definitions, plan }: Review,
  { retire, reason }: { retire: readonly Missing[]; reason: string | undefined },
): Promise<void> {
  // Made here, so that the broker never has them in clear.
  const secrets = new Map(
    plan.clients
      .filter(({ makes_secret: makesSecret }) => makesSecret)
      .map(({ client_id: id }) => [id, makeSecret()]),
  )
  const versionsOf = (clients: readonly { client_id: string; version: number }[]) =>
    Object.fromEntries(clients.map(({ client_id: id, version }) => [id, version]))
  const { clients } = await admin.call<z.output<typeof applyAnswer>>('POST', '/v1/clients/apply', {
    clients: definitions,
    versions: versionsOf(plan.clients),
    secrets: Object.fromEntries([...secrets].map(([id, secret]) => [id, secret.hash.toString('base64url')])),
    retire: versionsOf(retire),
    ...(reason !== undefined && { reason }),
  })
  print('')
  for (const { client_id: id, outcome, state } of clients) {
    print(`${outcome.padEnd(9)} ${id}  ${state}`)
    const secret = secrets.get(id)?.secret
    if (secret !== undefined) print(`          client_secret, shown this once: ${secret}`)
  }
}
