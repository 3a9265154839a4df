/** One version of Node runs everywhere; npm may run on an older one. */
import { readFileSync } from 'node:fs'
import { minVersion, satisfies, subset } from 'semver'
import { expect, test } from 'vitest'

interface Package {
  readonly engines?: { readonly node?: string }
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  engines: { node: string }
  devDependencies: { node: string }
}
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Package> }

test('package.json, .nvmrc, the Dockerfile and the workflow name the same Node', () => {
  const version = manifest.devDependencies.node
  expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(readFileSync('.nvmrc', 'utf8').trim()).toBe(version)
  expect(readFileSync('Dockerfile', 'utf8')).toContain(`FROM node:${version}-`)
  expect(readFileSync('.github/workflows/ci.yml', 'utf8')).toContain(`container: node:${version}-`)
  expect(satisfies(version, manifest.engines.node)).toBe(true)
})

// npm prints a warning (EBADENGINE) for each package whose `engines` refuse the Node that npm runs on.
test.each([minVersion(manifest.engines.node)!.version, '22.13.0', '24.0.0', '26.0.0'])(
  'npm ci warns about no package on Node %s',
  (version) => {
    const refusing = Object.entries(lock.packages)
      .filter(([, { engines }]) => engines?.node !== undefined && !satisfies(version, engines.node))
      .map(([path, { engines }]) => `${path} needs ${engines!.node}`)
    expect(Object.keys(lock.packages).length).toBeGreaterThan(100)
    expect(refusing).toEqual([])
  },
)

test('every even release of Node from the oldest on is allowed', () => {
  expect(subset('^20.19 || ^22.13 || ^24 || ^26', manifest.engines.node)).toBe(true)
})
