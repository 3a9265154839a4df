/** Compares the registry with its reviewed files, and makes it equal to them. */
import type { z } from 'zod'
import { makeSecret } from '../registry/client-secret.ts'
import { type Fault, secretsIn, formatFault } from '../registry/definition.ts'
import { type Entry, type FileFault, readClientFiles } from './client-files.ts'
import { Told } from './told.ts'
import type { ClientTools } from './tools.ts'
import type { applyAnswer, planAnswer } from '../admin/registry-operations.ts'

type Plan = z.output<typeof planAnswer>
type Planned = Plan['clients'][number]
type Missing = Plan['missing'][number]
interface Review {
  readonly definitions: readonly unknown[]
  readonly plan: Plan
}

/** @throws Told with every fault, as `FILE:LINE: path: fault; remedy` */
export async function reviewFiles({ admin }: ClientTools, path: string): Promise<Review> {
  const { entries, faults } = await readClientFiles(path)
  const found = [...faults]
  const clean: Entry[] = []
  for (const entry of entries) {
    // A secret never leaves this machine.
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
  message: formatFault(fault),
})

export const differsIn = ({ version, from, state, changes, makes_secret: makesSecret }: Planned): boolean =>
  version === 0 || from !== state || changes.length > 0 || makesSecret

/** The file says that the portal is active. */
const staysClosed = ({ notes }: Planned): boolean => notes.some(({ path }) => path[0] === 'state')

export const isRetirable = ({ state }: Missing): boolean => state !== 'active'

/** @returns whether anything differs */
export function show(
  { print }: ClientTools,
  { plan: { clients, missing } }: Review,
  retires: boolean,
): boolean {
  for (const planned of clients) {
    const { client_id: id, version, from, state, changes, makes_secret: makesSecret, notes } = planned
    const what = version === 0 ? 'new' : differsIn(planned) ? 'changed' : 'unchanged'
    print(`${what.padEnd(9)} ${id}  ${from === null || from === state ? state : `${from} → ${state}`}`)
    for (const { path, from: old, to } of changes) {
      if (old !== undefined) print(`  - ${path}: ${JSON.stringify(old)}`)
      if (to !== undefined) print(`  + ${path}: ${JSON.stringify(to)}`)
    }
    if (makesSecret) print('  + a client_secret will be made, and shown once')
    for (const note of notes) print(`  ! ${formatFault(note)}`)
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

export async function apply(
  { admin, print }: ClientTools,
  { definitions, plan }: Review,
  { retire, reason }: { retire: readonly Missing[]; reason: string | undefined },
): Promise<void> {
  // Secrets are created here, so that the broker never has them in clear.
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
