import { expect, test } from 'vitest'
import { loadConfig, settingNames } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/settings.ts'

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}
const faultOf = (name: string, value: string) =>
  faultsOf({ [name]: value }).find((fault) => fault.startsWith(name))

test.each([
  ['PORT', 'http', 'PORT must be a number'],
  ['PORT', '1.5', 'PORT must be an integer'],
  ['PORT', '70000', 'PORT must be at most 65535'],
  ['HEADERS_TIMEOUT', '0', 'HEADERS_TIMEOUT must be more than 0'],
  ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of debug, info, warn, error, silent'],
  ['UPSTREAM_DISCOVERY', 'yes', 'UPSTREAM_DISCOVERY must be one of true, false'],
  ['ISSUER', 'somewhere', 'ISSUER must be an absolute URL'],
  ['LIMITS', '[]', 'LIMITS must be an object'],
  ['LIMITS', '{"admin":{"address":"many"}}', 'LIMITS.admin.address must be a number'],
  ['UPSTREAM_LEVELS', '{"3":3}', 'UPSTREAM_LEVELS.3 must be one of 1, 2'],
])('%s with the value %s is reported as: %s', (name, value, sentence) => {
  expect(faultOf(name, value)).toBe(sentence)
})

test('no fault of any setting is reported in the words of the schema library', () => {
  const values = [
    'x',
    '-1',
    '1.5',
    '1e99',
    'true',
    '{',
    '{}',
    '[]',
    '[1]',
    '{"x":1}',
    '{"1":[]}',
    '{"admin":{"x":1}}',
  ]
  for (const name of settingNames)
    for (const value of [...values, '{"admin":{"address":0.5}}', '{"kind":1}', '{"login":1}']) {
      const faults = faultsOf({ [name]: value }).join('\n')
      expect(faults).not.toMatch(/Too (?:small|big)|Invalid|Unrecognized|expected .* received/)
    }
})
