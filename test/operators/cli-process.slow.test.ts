/** The command line as a separate process. Other tests run commands in their own process (`command-line.ts`). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { openOperator, type Ran } from '../support/operators/command-line.ts'
import { emptySettings } from '../support/operators/empty-broker.ts'
import { openWorld } from '../support/world.ts'

const root = new URL('../..', import.meta.url)

const begin = (program: string, args: readonly string[], env: Readonly<Record<string, string>>) =>
  spawn(program, args, { cwd: root, env })

async function end(child: ReturnType<typeof begin>): Promise<Ran> {
  const [[code], out, err] = await Promise.all([
    once(child, 'close'),
    child.stdout.destroyed ? '' : text(child.stdout),
    text(child.stderr),
  ])
  return { code: code as number, out, err }
}
const world = await openWorld()
const main = (...args: string[]) => ['src/cli/main.ts', ...args]

test('npm run cli passes on arguments, environment, both outputs and the exit code, and ends', async () => {
  const settings = {
    ...(await emptySettings()),
    PATH: process.env.PATH!,
    npm_config_update_notifier: 'false',
  }
  const npm = (...args: string[]) => end(begin('npm', ['run', '--silent', 'cli', '--', ...args], settings))
  expect(await npm('migrate')).toMatchObject({ code: 0, out: expect.stringMatching(/^applied 001-/) })
  expect(await npm('keys', 'generate', '--alg', 'none')).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringContaining('--alg must be one of'),
  })
})

test('a command of the admin API prints, and ends when it is done', async () => {
  const viewer = await openOperator(world, 'a.viewer', ['viewer'])
  expect(await end(begin(process.execPath, main('operator', 'whoami'), viewer()))).toEqual({
    code: 0,
    out: 'a.viewer  viewer\n',
    err: '',
  })
  const { code, err } = await end(begin(process.execPath, main('operator', 'list'), viewer()))
  expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^failed: forbidden: /) as string })
})

test('a command reads a number from a pipe, and ends without output when the reader of its output has closed', async () => {
  const auditor = await openOperator(world, 'an.auditor', ['auditor'])
  const search = () => begin(process.execPath, main('audit', 'person', '--citizen-id', '-'), auditor())
  const piped = search()
  piped.stdin.end(`${citizenNamed('an').number}\n`)
  expect(await end(piped)).toEqual({ code: 0, out: 'no person with this number has signed in\n', err: '' })

  const alone = search()
  alone.stdout.destroy()
  alone.stdin.end(`${citizenNamed('an').number}\n`)
  expect(await end(alone)).toEqual({ code: 1, out: '', err: '' })
})
