/** Runs the transcript of a first day in the operators' guide, command by command, against a real broker. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as client from 'openid-client'
import { expect, inject, test, vi } from 'vitest'
import { errorTable } from '../../src/errors.ts'
import { atEnd } from '../support/at-end.ts'
import { type BrokerProcess, openProxy, startBroker } from '../support/broker-process.ts'
import { readGuide } from '../support/docs/guide.ts'
import { recordPersons, recordSecrets } from '../support/record.ts'
import { type Portal, discoverPortal } from '../support/portal.ts'
import { freshDatabase, openWorld } from '../support/world.ts'

const root = new URL('../..', import.meta.url).pathname
const [, transcript = ''] =
  /<!-- transcript -->\n```console\n([\s\S]+?)```/.exec(readGuide('operate/start.md')) ?? []
/** A command with its output, or a remark about what another person does then. */
const steps = transcript
  .split(/^(?=\$ |# )/m)
  .filter((text) => text.trim() !== '')
  .map((text) => {
    const [line = '', ...told] = text.trimEnd().split('\n')
    return { isRemark: line.startsWith('# '), line: line.slice(2), told: told.filter((one) => one !== '') }
  })

test('the guide’s transcript covers a whole day', () => {
  expect(steps.length).toBeGreaterThan(15)
})

test.skipIf(inject('databaseUrl') === undefined)(
  'an operator who follows the guide gets from an empty database to the end of the first day (PostgreSQL)',
  { timeout: 240_000 },
  async () => {
    const proxy = await openProxy()
    const world = await openWorld({ environment: { ISSUER: proxy.url } })
    const number = '001085004321'
    recordPersons([{ citizen_id: number }])
    const folder = mkdtempSync(join(tmpdir(), 'first-day-'))
    atEnd(() => rmSync(folder, { recursive: true, force: true }))
    for (const name of ['cong-bo-xay-dung', 'portal-of-yours'])
      cpSync(join(root, `config/portals.example/${name}.yaml`), join(folder, 'portals', `${name}.yaml`))

    const settings = { ...world.settings, DATABASE_URL: await freshDatabase() }
    const shell: Record<string, string> = {
      ...settings,
      PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    }
    let broker: BrokerProcess | undefined
    const callbacks: Record<string, string> = {
      'cong-bo-xay-dung': 'http://127.0.0.1:4001/callback',
      'portal-of-yours': 'http://127.0.0.1:8080/callback',
    }
    const secrets = new Map<string, string>()
    const portals = new Map<string, Portal>()
    const logins = { completed: 0, failures: [] as unknown[] }

    /** Signs in with the portal's current secret, and with the keys it fetched before the key was rotated. */
    async function signIn(id: string): Promise<string> {
      world.simulator.approve('an')
      const { claims, tokens } = await portals.get(id)!.signIn()
      await client.fetchUserInfo(portals.get(id)!.config, tokens.access_token, claims.sub)
      return claims.sub
    }
    async function equip(id: string): Promise<void> {
      const auth = client.ClientSecretBasic(secrets.get(id))
      portals.set(
        id,
        await discoverPortal({ issuer: proxy.url, clientId: id, redirectUri: callbacks[id]!, auth }),
      )
    }
    /** The status of a request with the secret that was shown last. */
    async function tokenStatus(id: string): Promise<number> {
      const answer = await fetch(`${proxy.url}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${id}:${secrets.get(id)}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'legacy_accounts' }),
      })
      recordSecrets([((await answer.json()) as { access_token?: string }).access_token])
      return answer.status
    }
    /** The status of an authorization request: a redirect to VNeID (303), or a page with the reason of the refusal. */
    async function startStatus(id: string): Promise<number> {
      return (await fetch((await portals.get(id)!.begin()).url, { redirect: 'manual' })).status
    }
    const within5s = { timeout: 5_000, interval: 250 }
    const stop = new AbortController()
    /** Citizens sign in while secret and key are rotated. */
    const stream = async () => {
      for (; !stop.signal.aborted; logins.completed++)
        await signIn('portal-of-yours').catch((fault: unknown) => logins.failures.push(fault))
    }
    let citizens: Promise<void> = Promise.resolve()

    const remarks: Record<string, () => Promise<unknown>> = {
      'Within five seconds both portals are in service, and a citizen signs in at each of them.':
        async () => {
          for (const id of Object.keys(callbacks)) {
            await equip(id)
            await vi.waitFor(async () => expect(await startStatus(id)).toBe(303), within5s)
            await signIn(id)
          }
          citizens = stream()
        },
      'Within five seconds the new secret is good; the portal puts it in the place of the old one when it likes.':
        async () => {
          await vi.waitFor(async () => expect(await tokenStatus('portal-of-yours')).toBe(200), within5s)
          await equip('portal-of-yours')
        },
      'Within five seconds no sign-in succeeds there; the other portal continues.': async () => {
        stop.abort()
        await citizens
        const { status } = errorTable.portal_not_in_service
        await vi.waitFor(async () => expect(await startStatus('cong-bo-xay-dung')).toBe(status), within5s)
        await signIn('portal-of-yours')
      },
    }

    const remarkOf = (line: string) => {
      const done = remarks[line]
      if (done === undefined) throw new Error(`nobody does: ${line}`)
      return done
    }
    for (const { isRemark, line, told } of steps) {
      if (isRemark) {
        await remarkOf(line)()
        continue
      }
      if (line === 'npm start &') {
        broker = await startBroker(settings)
        proxy.to(broker.url)
        continue
      }
      if (line.startsWith('export ')) {
        for (const [, name, value] of line.matchAll(/(\w+)=(\S+)/g))
          shell[name!] = name === 'ADMIN_URL' ? broker!.adminUrl : value!
        continue
      }
      const output = await run(line, {
        cwd: folder,
        env: shell,
        input: line.includes('--citizen') ? `${number}\n` : '',
      })
      expectTold(line, told, output)
      noteSecrets(line, output)
    }
    expect(logins.failures).toEqual([])
    expect(logins.completed).toBeGreaterThan(2)

    function noteSecrets(line: string, output: string): void {
      let about = /secret rotate (\S+)/.exec(line)?.[1]
      for (const text of output.split('\n')) {
        about = /^created +(\S+)/.exec(text)?.[1] ?? about
        const [, secret] = /shown this once: (\S+)/.exec(text) ?? []
        if (secret === undefined || about === undefined) continue
        recordSecrets([secret])
        secrets.set(about, secret)
      }
    }
  },
)

/** The guide's command, with `npm run cli --` replaced by the program that npm runs. */
function run(
  line: string,
  { cwd, env, input }: { cwd: string; env: Record<string, string>; input: string },
): Promise<string> {
  const script = line.replace(/^npm run cli -- /, `node ${join(root, 'src/cli/main.ts')} `)
  return new Promise((resolve, reject) => {
    const child = execFile(
      'bash',
      ['--norc', '-c', script],
      { cwd, env, encoding: 'utf8' },
      (_error, stdout, stderr) => {
        // The guide also shows refusals, so the output is compared and not the exit code.
        resolve(`${stdout}${stderr}`)
      },
    )
    child.once('error', reject)
    child.stdin!.end(input)
  })
}

/** Checks that the output contains each line of the guide in this order; `…` matches anything. */
function expectTold(line: string, told: readonly string[], output: string): void {
  const lines = output.split('\n').map((text) => text.trimEnd())
  let from = 0
  for (const wanted of told) {
    if (wanted === '…') continue
    const pattern = new RegExp(
      `^${wanted
        .split('…')
        .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*')}$`,
    )
    const at = lines.findIndex((text, index) => index >= from && pattern.test(text))
    expect(at, `$ ${line}\nwanted: ${wanted}\ngot:\n${output}`).toBeGreaterThanOrEqual(0)
    from = at + 1
  }
}
