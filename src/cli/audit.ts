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

const span = { from: optional('DAY', 'the first day'), to: optional('DAY', 'the last day') }
type EventsPage = Page<'events', EventAnswer>

export const auditCommands = {
  'audit events': clientCommand({
    about: 'audit events, the oldest first',
    options: {
      event: optional('NAME', 'of this name'),
      class: optional('CLASS', 'of this class'),
      client: optional('ID', 'at this portal'),
      operator: optional('ID', 'by this operator'),
      subject: optional('ID', 'about this subject'),
      reference: optional('REF', 'under this reference'),
      ...span,
    },
    async run({ admin, print }, _args, options) {
      for await (const { events } of eachPage<EventsPage>(admin, '/v1/audit/events', options))
        for (const event of events) print(tellEventLine(event))
    },
  }),

  'audit person': clientCommand({
    about: 'everything about one citizen',
    options: { 'citizen-id': required('-', 'the number is read from the standard input') },
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
          if (page.subjects.length === 0) print('nobody came here with it')
          for (const { subject, kind, created_at: created, replaced_by: by } of page.subjects)
            print(`subject ${subject}  ${kind}  since ${created}${by === null ? '' : `  replaced by ${by}`}`)
        }
        for (const event of page.events) print(tellEventLine(event))
        ;({ next: after, more } = page)
      }
    },
  }),

  'audit checkpoint': clientCommand({
    about: 'make a checkpoint over what has been committed, and show the last one',
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
    about: 'the checkpoints, the oldest first',
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
    about: 'the public keys of the checkpoints, for `audit verify --key`',
    options: { out: optional('FILE', 'write them to this file') },
    async run({ admin, print }, _args, { out }) {
      const keys = JSON.stringify(await admin.call('GET', '/v1/audit/keys'), null, 2)
      if (out === undefined) print(keys)
      else await writeFile(out, `${keys}\n`)
    },
  }),

  'audit rotate-key': clientCommand({
    about: 'a new key for the checkpoints to come; write `audit keys` to a file again afterwards',
    async run({ admin, print }) {
      const { kid } = await admin.call<{ kid: string }>('POST', '/v1/audit/keys')
      print(`from now on ${kid} signs`)
    },
  }),

  'audit export': clientCommand({
    about: 'the audit with its checkpoints, as lines of JSON',
    args: { FILE: 'a new file; compressed if its name ends with .gz' },
    options: span,
    async run({ admin, print }, { FILE: path }, options) {
      const source = await admin.download(exportPath(options))
      const target = createWriteStream(path, { mode: 0o600, flags: 'wx' })
      try {
        await (path.endsWith('.gz') ? pipeline(source, createGzip(), target) : pipeline(source, target))
      } catch (error) {
        // What was there before is not ours to take away.
        if ((error as { code?: string }).code !== 'EEXIST') await rm(path, { force: true })
        throw error
      }
      print(`written to ${path}`)
    },
  }),

  'audit verify': clientCommand({
    about: 'prove the audit, or the checkpoints of some days',
    options: {
      ...span,
      file: optional('FILE', 'an export instead, without broker and database'),
      key: optional('FILE', 'the public keys that were kept elsewhere (`audit keys`)'),
      'expect-checkpoint': optional('N:HASH', 'prove as well that this checkpoint is still in it'),
    },
    async run({ admin, print }, _args, { file, key, 'expect-checkpoint': expected, ...days }) {
      const { tellFaults, verifyFrom } = await import('./audit-verifying.ts')
      const verdict = await verifyFrom(
        file === undefined ? { open: () => admin.download(exportPath(days)) } : { file },
        { keyFile: key, expected },
      )
      for (const line of tellFaults(verdict, key)) print(line)
      if (verdict.faults.length > 0) throw new Told('the audit is not what its checkpoints say')
      print('verified')
    },
  }),

  trace: clientCommand({
    about: 'what happened under a reference that a citizen or a portal was told',
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
