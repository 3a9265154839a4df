/** The licences of what we install, read from the bill of materials (`npm run sbom`). */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

interface Component {
  readonly name: string
  readonly version: string
  readonly licenses?: readonly {
    readonly license?: { readonly id?: string; readonly name?: string }
    readonly expression?: string
  }[]
}

/** Permissive licences: no conditions on other code in the same program. */
const free = ['MIT', 'Apache-2.0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD']
/** Allowed for tools and tests only: their file-level conditions do not affect what we ship. */
const ofTools = [...free, 'MPL-2.0', 'Python-2.0', 'CC-BY-4.0', 'BlueOak-1.0.0']

async function others(allowed: readonly string[], ...options: string[]): Promise<string[]> {
  const bill = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', ...options]
  const { stdout } = await promisify(execFile)('npm', bill, { maxBuffer: 16 * 1024 * 1024 })
  const { components } = JSON.parse(stdout) as { components: Component[] }
  expect(components.length).toBeGreaterThan(20)
  return components.flatMap(({ name, version, licenses = [] }) => {
    const stated = licenses.map(
      ({ license, expression }) => license?.id ?? license?.name ?? expression ?? 'none',
    )
    return stated.length > 0 && stated.every((licence) => allowed.includes(licence))
      ? []
      : [`${name}@${version}: ${stated.join(', ') || 'none'}`]
  })
}

test('every package that production installs is under a permissive licence', async () => {
  expect(await others(free, '--omit=dev')).toEqual([])
})

test('every tool is under a free licence', async () => {
  expect(await others(ofTools)).toEqual([])
})
