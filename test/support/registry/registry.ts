/** Uses the registry through its commands and files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { AdminClient } from '../../../src/cli/client.ts'
import { Told } from '../../../src/cli/told.ts'
import { agreed } from './agreement.ts'
import { atEnd } from '../at-end.ts'
import { runAs } from '../operators/command.ts'
import { recordSecrets } from '../record.ts'
import { portalDefinition, type World } from '../world.ts'

interface Ran {
  readonly out: string
  /** The error message; the exit code would be 1. */
  readonly told: string | undefined
}

/** Runs a command of the registry by its name. */
export async function runCommand(
  admin: AdminClient,
  name: string,
  args: readonly string[],
  options = {},
): Promise<Ran> {
  const lines: string[] = []
  const told = await runAs(admin, name, args, options, lines).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Told || (error as Error).name === 'AdminError') return (error as Error).message
      throw error
    },
  )
  const out = lines.join('\n')
  recordSecrets(secretsIn(out))
  return { out, told }
}
export const secretsIn = (out: string): string[] =>
  [...out.matchAll(/shown this once: ([\w-]{43})/g)].map(([, secret]) => secret!)

/** The definition of a portal in a reviewed file. */
export function fileOf(id: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const { client_secret: _, ...definition } = portalDefinition(id, changes)
  return { ...agreed(definition), state: 'active', ...changes, policy: agreed(changes)['policy'] }
}

/** Writes a folder with one file per portal. */
export function files(...definitions: Record<string, unknown>[]): string {
  const path = mkdtempSync(join(tmpdir(), 'broker-registry-'))
  atEnd(() => rmSync(path, { recursive: true }))
  for (const definition of definitions)
    writeFileSync(join(path, `${String(definition['client_id'])}.yaml`), stringify(definition))
  return path
}

export const rowsOf = ({ db }: World) =>
  db.query(
    `select id, state, version, metadata, array(
       select hash from client_secret where client_id = client.id and slot is not null order by hash) as secrets
     from client order by id`,
  )

export const historyOf = ({ db }: World, id: string) =>
  db.query<{ action: string; actor: string; version: number; reason: string | null }>(
    'select action, actor, version, reason from client_change where client_id = $1 order by id',
    [id],
  )

export const eventsOf = ({ db }: World, id: string) =>
  db.query<{ event: string; actor: string; detail: Record<string, unknown> }>(
    `select event, actor, detail from audit_event where client_id = $1 and event like 'client.%' order by id`,
    [id],
  )
