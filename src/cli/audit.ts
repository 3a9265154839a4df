import { createWriteStream } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { tellFaults, verifyFrom } from './audit-verifying.ts'
import type { EventTold, SubjectTold, TraceTold } from '../admin/audit-operations.ts'
import type { SealTold } from '../admin/audit-proof-operations.ts'
import { tellEventLine, tellTrace } from './audit-output.ts'
import { eachPage } from './client.ts'
import { type Commands, clientCommand, needed } from './command.ts'
import { Told, UsageError } from './told.ts'
import { isDash, readInputLines } from './input-lines.ts'
import type { Page } from '../admin/paging.ts'

const spanOptions = { from: 'string', to: 'string' } as const
type EventsPage = Page<'events', EventTold>

export const auditCommands: Commands = {
  'audit events': clientCommand({
    call: '[--event NAME] [--class CLASS]\n[--client ID] [--operator ID]\n[--subject ID] [--reference REF]\n[--from DAY] [--to DAY]',
    about: 'audit events, the oldest first',
    options: {
      event: 'string',
      class: 'string',
      client: 'string',
      operator: 'string',
      subject: 'string',
      reference: 'string',
      ...spanOptions,
    },
    async run({ admin, print }, _args, options) {
      for await (const { events } of eachPage<EventsPage>(admin, '/v1/audit/events', options))
        for (const event of events) print(tellEventLine(event))
    },
  }),

  'audit person': clientCommand({
    call: '--citizen-id -',
    about: 'everything about one citizen; the number is read from the standard input',
    options: { 'citizen-id': 'string' },
    async run({ admin, print }, _args, options) {
      if (!isDash('citizen-id', options['citizen-id'])) throw new UsageError('--citizen-id - is missing')
      const [number] = await readInputLines('citizen id')
      for (let after: string | null = null, more = true; more;) {
        const asked: object = { citizen_id: number, limit: 1000, ...(after !== null && { after }) }
        const page: EventsPage & { subjects: SubjectTold[] } = await admin.call(
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

  'audit seal': clientCommand({
    about: 'seal now what has been committed, and tell the last seal',
    async run({ admin, print }) {
      const { rows, head } = await admin.call<{ rows: number; head: SealTold | null }>(
        'POST',
        '/v1/audit/seals',
      )
      print(`sealed ${rows} rows`)
      if (head !== null) print(`head ${head.seal}:${head.hash}`)
    },
  }),

  'audit seals': clientCommand({
    call: '[--from DAY] [--to DAY]',
    about: 'the seals, the oldest first',
    options: spanOptions,
    async run({ admin, print }, _args, options) {
      for await (const { seals } of eachPage<Page<'seals', SealTold>>(admin, '/v1/audit/seals', options))
        for (const { seal, hash, at, rows } of seals) print(`${at}  ${seal}:${hash}  ${rows} rows`)
    },
  }),

  'audit keys': clientCommand({
    call: '[--out FILE]',
    about: 'the public keys of the seals, for `audit verify --key`',
    options: { out: 'string' },
    async run({ admin, print }, _args, { out }) {
      const keys = JSON.stringify(await admin.call('GET', '/v1/audit/keys'), null, 2)
      if (out === undefined) print(keys)
      else await writeFile(out, `${keys}\n`)
    },
  }),

  'audit rotate-key': clientCommand({
    about: 'a new key for the seals to come; then write "audit keys" anew',
    async run({ admin, print }) {
      const { kid } = await admin.call<{ kid: string }>('POST', '/v1/audit/keys')
      print(`from now on ${kid} signs`)
    },
  }),

  'audit export': clientCommand({
    call: 'FILE [--from DAY] [--to DAY]',
    about: 'the audit with its seals, as lines of JSON; compressed if FILE ends with .gz',
    options: spanOptions,
    async run({ admin, print }, [file], options) {
      const path = needed(file, 'the FILE')
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
    call: '[--key FILE] [--from DAY] [--to DAY]\n--file FILE [--key FILE]\n[--expect-seal N:HASH]',
    about:
      'prove the audit, or the seals of some days;\nan export, without broker and database;\nalso that this seal is still in it',
    options: { ...spanOptions, file: 'string', key: 'string', 'expect-seal': 'string' },
    async run({ admin, print }, _args, { file, key, 'expect-seal': expected, ...span }) {
      const verdict = await verifyFrom(
        file === undefined ? { open: () => admin.download(exportPath(span)) } : { file },
        { keyFile: key, expected },
      )
      for (const line of tellFaults(verdict, key)) print(line)
      if (verdict.faults.length > 0) throw new Told('the audit is not what was sealed')
      print('verified')
    },
  }),

  trace: clientCommand({
    call: 'REF',
    about: 'what happened under a reference that a citizen or a portal was told',
    async run({ admin, print }, [given]) {
      const reference = needed(given, 'the REF')
      const found = await admin.call<TraceTold>('GET', `/v1/traces/${encodeURIComponent(reference)}`)
      for (const line of tellTrace(found)) print(line)
    },
  }),
}

function exportPath({ from, to }: { from?: string; to?: string }): string {
  const query = new URLSearchParams({ ...(from && { from }), ...(to && { to }) }).toString()
  return `/v1/audit/export${query && `?${query}`}`
}
