/** One version of Node runs everywhere. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

test('package.json, .nvmrc, the Dockerfile and the workflow name the same Node', () => {
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    devDependencies: { node: string }
  }
  const version = devDependencies.node
  expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  expect(readFileSync('.nvmrc', 'utf8').trim()).toBe(version)
  expect(readFileSync('Dockerfile', 'utf8')).toContain(`FROM node:${version}-`)
  expect(readFileSync('.github/workflows/ci.yml', 'utf8')).toContain(`container: node:${version}-`)
})
