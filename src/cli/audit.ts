import { createWriteStream } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { EventAnswer, SubjectAnswer, TraceAnswer } from '../admin/audit-operations.ts'
import type { CheckpointAnswer } from '../admin/audit-proof-operations.ts'
import { tellEventLine, tellTrace } from './audit-output.ts'
import { eachPage } from './each-page.ts'
import { clientCommand, optional, required } from './command.ts'
import { Told } from './told.ts'
import { readInputLines } from './input-lines.ts'
import type { Page } from '../admin/paging.ts'

const span = {
  from: optional('DAY', 'from this day on'),
  to: optional('DAY', 'up to and including this day'),
}
type EventsPage = Page<'events', EventAnswer>

export const auditCommands = {
  'audit events': clientCommand({
    about: 'list audit events, oldest first',
    options: {
      event: optional('NAME', 'only events of this name'),
      class: optional('CLASS', 'only events of this class'),
      client: optional('ID', 'only events at this portal'),
      operator: optional('ID', 'only events by this operator'),
      subject: optional('ID', 'only events about this subject'),
      reference: optional('REF', 'only events with this reference'),
      ...span,
    },
    async run({ admin, print }, _args, options) {
      for await (const { events } of eachPage<EventsPage>(admin, '/v1/audit/events', options))
        for (const event of events) print(tellEventLine(event))
    },
  }),

  'audit person': clientCommand({
    about: 'list all audit events about one citizen',
    options: { 'citizen-id': required('-', 'the citizen’s number, read from the standard input') },
    async run({ admin, print, terminal }) {
      const [number] = await readInputLines(terminal, 'citizen id')
      for (let after: string | null = null, more = true; more;) {
        const asked: object = { citizen_id: number, limit: 1000, ...(after !== null && { after }) }
        const page: EventsPage & { subjects: SubjectAnswer[] } = await admin.call(
          'POST',
          '/v1/audit/search',
          asked,
        )
        if (after === null) {
          if (page.subjects.length === 0) print('no person with this number has signed in')
          for (const { subject, kind, created_at: created, replaced_by: by } of page.subjects)
            print(`subject ${subject}  ${kind}  since ${created}${by === null ? '' : `  replaced by ${by}`}`)
        }
        for (const event of page.events) print(tellEventLine(event))
        ;({ next: after, more } = page)
      }
    },
  }),

  'audit checkpoint': clientCommand({
    about: 'make a checkpoint over all committed rows, and show the latest one',
    async run({ admin, print }) {
      const { rows, head } = await admin.call<{ rows: number; head: CheckpointAnswer | null }>(
        'POST',
        '/v1/audit/checkpoints',
      )
      print(`covered ${rows} rows`)
      if (head !== null) print(`head ${head.checkpoint}:${head.hash}`)
    },
  }),

  'audit checkpoints': clientCommand({
    about: 'list checkpoints, oldest first',
    options: span,
    async run({ admin, print }, _args, options) {
      for await (const { checkpoints } of eachPage<Page<'checkpoints', CheckpointAnswer>>(
        admin,
        '/v1/audit/checkpoints',
        options,
      ))
        for (const { checkpoint, hash, at, rows } of checkpoints)
          print(`${at}  ${checkpoint}:${hash}  ${rows} rows`)
    },
  }),

  'audit keys': clientCommand({
    about: 'show the public keys that verify checkpoints, for `audit verify --key`',
    options: { out: optional('FILE', 'write them to this file') },
    async run({ admin, print }, _args, { out }) {
      const keys = JSON.stringify(await admin.call('GET', '/v1/audit/keys'), null, 2)
      if (out === undefined) print(keys)
      else await writeFile(out, `${keys}\n`)
    },
  }),

  'audit rotate-key': clientCommand({
    about: 'sign new checkpoints with a new key; save `audit keys` again afterwards',
    async run({ admin, print }) {
      const { kid } = await admin.call<{ kid: string }>('POST', '/v1/audit/keys')
      print(`new checkpoints are signed with key ${kid}`)
    },
  }),

  'audit export': clientCommand({
    about: 'export the audit with its checkpoints, as JSON lines',
    args: { FILE: 'a new file; compressed if its name ends with .gz' },
    options: span,
    async run({ admin, print }, { FILE: path }, options) {
      const source = await admin.download(exportPath(options))
      const target = createWriteStream(path, { mode: 0o600, flags: 'wx' })
      try {
        await (path.endsWith('.gz') ? pipeline(source, createGzip(), target) : pipeline(source, target))
      } catch (error) {
        // Do not remove a file that existed before.
        if ((error as { code?: string }).code !== 'EEXIST') await rm(path, { force: true })
        throw error
      }
      print(`written to ${path}`)
    },
  }),

  'audit verify': clientCommand({
    about: 'verify the whole audit, or that of some days',
    options: {
      ...span,
      file: optional('FILE', 'verify this export instead; needs no broker and no database'),
      key: optional('FILE', 'verify with public keys that you saved earlier (`audit keys`)'),
      'expect-checkpoint': optional('N:HASH', 'also check that this checkpoint is still part of the audit'),
    },
    async run({ admin, print }, _args, { file, key, 'expect-checkpoint': expected, ...days }) {
      const { tellFaults, verifyFrom } = await import('./audit-verifying.ts')
      const verdict = await verifyFrom(
        file === undefined ? { open: () => admin.download(exportPath(days)) } : { file },
        { keyFile: key, expected },
      )
      for (const line of tellFaults(verdict, key)) print(line)
      if (verdict.faults.length > 0) throw new Told('the audit does not match its checkpoints')
      print('verified')
    },
  }),

  trace: clientCommand({
    about: 'show what happened under a reference from a page or an error',
    args: { REF: 'the reference' },
    async run({ admin, print }, { REF: reference }) {
      const found = await admin.call<TraceAnswer>('GET', `/v1/traces/${encodeURIComponent(reference)}`)
      for (const line of tellTrace(found)) print(line)
    },
  }),
}

function exportPath({ from, to }: Readonly<Record<'from' | 'to', string | undefined>>): string {
  const query = new URLSearchParams({ ...(from && { from }), ...(to && { to }) }).toString()
  return `/v1/audit/export${query && `?${query}`}`
}
