import { constants, createCipheriv, publicEncrypt, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { citizenNamed } from '../../src/sandbox/citizens.ts'
import { openSimulator } from '../../src/sandbox/simulator/simulator.ts'
import type { Simulator } from '../../src/sandbox/simulator/simulator.ts'
import { createEnvelope } from '../../src/upstream/envelope.ts'
import type { Upstream } from '../../src/upstream/upstream.ts'
import {
  clients,
  envelopeKey,
  envelopePublicKey,
  journey,
  newTransaction,
  openVneid,
  refusal,
  signIn,
} from '../support/login/upstream.ts'

describe.each(['ecb', 'cbc'] as const)('envelope %s', (mode) => {
  let vneid: Simulator
  let upstream: Upstream
  beforeAll(async () => {
    vneid = await openSimulator({ clients, approve: 'an', envelope: mode })
    upstream = openVneid(vneid.url, { UPSTREAM_ENVELOPE: mode })
  })
  afterEach(() => {
    vneid.approve('an')
    vneid.tamper({})
  })
  afterAll(() => vneid.close())

  test('an encrypted body with one flipped bit is refused', async () => {
    vneid.tamper({ alteredBody: true })
    await expect(signIn(upstream)).rejects.toMatchObject(refusal('upstream_answer_invalid', /^envelope$/))
  })

  test('a plain body is refused if an envelope is configured', async () => {
    vneid.tamper({ plainBody: true })
    await expect(signIn(upstream)).rejects.toMatchObject(refusal('upstream_answer_invalid', /^envelope$/))
  })

  test('an encrypted code with one flipped bit completes no sign-in', async () => {
    vneid.tamper({ alteredCode: true })
    const transaction = newTransaction()
    const query = await journey(upstream, transaction)
    // A garbled code is malformed. With CBC only one character may differ, and then VNeID does not know the code.
    const code = mode === 'cbc' ? 'upstream_rejected_us' : 'upstream_answer_invalid'
    await expect(upstream.complete(query, transaction)).rejects.toMatchObject(refusal(code))
  })

  test('only a code is opened in the callback: no body, no part of one, and no other text reaches VNeID', async () => {
    const { number } = citizenNamed('an')
    const body = JSON.stringify({
      access_token: 'a'.repeat(43),
      citizenPid: number,
      fullName: 'Nguyễn Văn An',
    })
    const texts = [
      body,
      '{}',
      number.slice(0, 7),
      '',
      ' '.repeat(43),
      `${'a'.repeat(43)}\n`,
      'a'.repeat(513),
      'ă'.repeat(20),
    ]
    for (const text of texts) {
      const { data, key } = wrap(text, { mode })
      const transaction = newTransaction()
      const before = vneid.requests.token
      const query = `code=${data}&encrypt_key=${key}&state=${transaction.state}`
      await expect(upstream.complete(query, transaction)).rejects.toMatchObject(
        refusal('upstream_answer_invalid', /^envelope$/),
      )
      expect(vneid.requests.token).toBe(before)
    }
  })

  test('a callback without encrypt_key, or with one for another key, is refused with the same error', async () => {
    const transaction = newTransaction()
    const query = await journey(upstream, transaction)
    const without = query.replace(/&?encrypt_key=[^&]+/, '')
    await expect(upstream.complete(without, transaction)).rejects.toMatchObject(
      refusal('upstream_answer_invalid', /encrypt_key/),
    )
    const stranger = randomBytes(256).toString('base64')
    for (const key of [stranger, 'AAAA', '====', 'AAA']) {
      const attempt = upstream.complete(`${without}&encrypt_key=${key}`, transaction)
      await expect(attempt).rejects.toMatchObject(
        refusal('upstream_answer_invalid', /^(envelope|callback: encrypt_key malformed)$/),
      )
    }
  })

  test('a bare + in the callback stays a +', async () => {
    let query = ''
    let transaction = newTransaction()
    // Base64 of 48 or more random bytes nearly always contains one.
    while (!/code=[^&]*\+/.test(query)) {
      transaction = newTransaction()
      query = await journey(upstream, transaction)
    }
    expect((await upstream.complete(query, transaction)).kind).toBe('citizen')
    transaction = newTransaction()
    query = await journey(upstream, transaction)
    const escaped = query.replaceAll('+', '%2B').replaceAll('/', '%2F')
    expect((await upstream.complete(escaped, transaction)).kind).toBe('citizen')
  })
})

/** Encrypts as VNeID would, with keys of any size. */
interface Wrapping {
  bits?: number
  mode?: 'ecb' | 'cbc'
  keyBytes?: number
}
function wrap(text: string, { bits = 256, mode = 'ecb', keyBytes = bits / 8 }: Wrapping = {}) {
  const key = randomBytes(bits / 8)
  const iv = mode === 'cbc' ? randomBytes(16) : Buffer.alloc(0)
  const cipher = createCipheriv(`aes-${bits}-${mode}`, key, mode === 'cbc' ? iv : null)
  const data = Buffer.concat([iv, cipher.update(text), cipher.final()]).toString('base64')
  const sent = Buffer.concat([key, Buffer.alloc(32)]).subarray(0, keyBytes)
  return {
    data,
    key: publicEncrypt({ key: envelopePublicKey, padding: constants.RSA_PKCS1_PADDING }, sent).toString(
      'base64',
    ),
  }
}

test('AES-128, 192 and 256 are distinguished by the length of their key', () => {
  for (const mode of ['ecb', 'cbc'] as const) {
    for (const bits of [128, 192, 256]) {
      expect(createEnvelope(mode, envelopeKey).openBody(wrap('{"a":"ă"}', { bits, mode }))).toEqual({
        a: 'ă',
      })
    }
  }
})

test('every fault inside an envelope gives the same error', () => {
  const envelope = createEnvelope('cbc', envelopeKey)
  const good = wrap('{}', { mode: 'cbc' })
  const bodies: unknown[] = [
    null,
    'text',
    {},
    { data: good.data },
    { ...good, data: 'not base64!' },
    { ...good, data: 'AAAA' },
    { ...good, data: '' },
    { ...good, key: randomBytes(256).toString('base64') },
    { ...good, key: 'AAAA' },
    { ...good, data: wrap('{}', { mode: 'cbc' }).data },
    wrap('not JSON', { mode: 'cbc' }),
    wrap('{}', { mode: 'cbc', keyBytes: 20 }),
    wrap('{}', { mode: 'ecb' }),
  ]
  for (const body of bodies) {
    expect(() => envelope.openBody(body)).toThrow(
      expect.objectContaining({ code: 'upstream_answer_invalid', detail: 'envelope' }),
    )
  }
})
