import { expect, test } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'

const logged = (fields: object): string => {
  let line = ''
  createLog({ level: 'debug', destination: { write: (text) => void (line += text) } }).warn(fields)
  return line
}

test('a fault is logged by its kind and place, never by its message', () => {
  const cause = new TypeError('for citizen 001085999901')
  const line = logged({ event: 'x.failed', err: new Error('number 001085999901 is bad', { cause }) })
  expect(line).not.toContain('001085999901')
  expect(JSON.parse(line)).toMatchObject({
    event: 'x.failed',
    err: { kind: 'Error', cause: { kind: 'TypeError' } },
  })
  expect(logged({ event: 'x.failed', err: 'a thrown text with 001085999901' })).not.toContain('001085999901')
})

test('fields that hold secrets or personal data are removed from the log at any depth', () => {
  const line = logged({ token: 'tttt', deep: { code: 'cccc', name: 'Nguyễn Văn An', client_secret: 'ssss' } })
  for (const secret of ['tttt', 'cccc', 'Nguyễn', 'ssss']) expect(line).not.toContain(secret)
})
