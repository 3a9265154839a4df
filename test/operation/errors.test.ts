/** The table of errors: its document, and what citizens, portals and operators see of one failure. */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { afterAll, describe, expect, test } from 'vitest'
import { BrokerError, type ErrorCode, errorTable, isForCitizens } from '../../src/errors.ts'
import { createBoundary } from '../../src/http/boundary.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createPages } from '../../src/login/pages.ts'
import { openRegistry } from '../../src/registry/registry.ts'
import { errorDocument } from '../../src/pages/error-document.ts'
import { html } from '../../src/pages/html.ts'
import { locales, sentences } from '../../src/pages/locale.ts'
import { openWorld, portalDefinition } from '../support/world.ts'

const codes = Object.keys(errorTable) as ErrorCode[]

test('docs/errors.md equals the text generated from the table and the sentences: `npm run docs:errors` writes it', () => {
  expect(readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')).toBe(errorDocument())
})

test('every code is a heading of the document, so that its anchor is the code', () => {
  const headings = [...errorDocument().matchAll(/^### (.+)$/gm)].map(([, heading]) => heading)
  expect(new Set(headings)).toEqual(new Set(codes))
})

test('every code says what it means and what to do, in sentences; a citizen code to the portal as well', () => {
  for (const code of codes) {
    const { meaning, remedy, portal } = errorTable[code]
    const told = isForCitizens(code) ? [meaning, remedy, portal] : [meaning, remedy]
    for (const text of told)
      expect({ code, text }).toEqual({ code, text: expect.stringMatching(/^["A-Z].{8,}\.$/s) })
  }
})

const world = await openWorld({ database: 'embedded', state: 'embedded' })
await world.register(portalDefinition('portal-a'))

describe('a failure at the boundary', async () => {
  const lines: string[] = []
  const log = createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } })
  const { config, db } = world
  const registry = await openRegistry({ db })
  const { renderFailure } = createPages({ config, log, registry })
  const app = new Koa()
  // Like the cookie keys of the engine, which name browsers and sign sessions.
  app.keys = { signatures: (data: string) => [hash('sha256', data, 'buffer')] } as unknown as string[]
  app.use(createBoundary({ log, issuer: config.issuer, renderFailure }))
  app.use((ctx) => {
    throw new BrokerError(ctx.path.slice(1) as ErrorCode)
  })
  const callback = app.callback()
  const server = createServer((request, response) => void callback(request, response))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  afterAll(() => {
    registry.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo

  test.each(codes.filter(isForCitizens))(
    '%s is a page with sentence, code and reference, and the log has the same reference',
    async (code) => {
      for (const locale of locales) {
        const reply = await fetch(`http://127.0.0.1:${port}/${code}?client_id=portal-a`, {
          headers: { accept: 'text/html', 'accept-language': locale },
        })
        const body = await reply.text()
        const reference = reply.headers.get('x-reference')!
        const { title, text } = sentences[locale].errors[code]
        expect(reply.status).toBe(errorTable[code].status)
        expect(reply.headers.get('cache-control')).toContain('no-store')
        for (const part of [
          `<html lang="${locale}">`,
          html`${title}`,
          html`${text}`,
          `<dd>${code}</dd>`,
          `<dd>${reference}</dd>`,
        ])
          expect(body).toContain(String(part))
        const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
        expect(told.filter((line) => line['reference'] === reference)).toMatchObject([
          { event: 'request.failed', failure: code },
          { event: 'request.served', status: errorTable[code].status },
        ])
      }
    },
  )
})

test('the answer to the portal, the log line and the audit row of one refusal have the same reference', async () => {
  world.simulator.approve('quyen')
  const portal = await world.portal({ clientId: 'portal-a' })
  const { answer } = await portal.ask()
  const [, code, reference] = /^(\w+) \(([0-9A-Z]{10})\)$/.exec(answer['error_description'] ?? '') ?? []
  expect([answer['error'], code]).toEqual(['access_denied', 'upstream_refused'])
  const rows = await world.db.query(
    `select event, detail->>'failure' as failure from audit_event where reference = $1`,
    [reference],
  )
  expect(rows).toEqual([{ event: 'login.refused', failure: code }])
  const found = world.logLines.filter((line) => line.includes(reference!)).join('')
  expect(found).toContain(`"failure":"${code}"`)
  expect(found).toContain('"event":"login.refused"')
})
