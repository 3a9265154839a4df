// The simulator's citizens, its pages, its simulated faults, and how the program starts.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { disagreements, Identifier } from '../../src/citizen-id.ts'
import { citizenNamed, citizens } from '../../src/sandbox/citizens.ts'
import { type Faults, openSimulator, type Simulator } from '../../src/sandbox/simulator/simulator.ts'
import {
  answerTo,
  clients,
  envelopePublicKey,
  loggedOut,
  redirectUri,
  type Tokens,
  usual,
  verifier,
  visitor,
} from '../support/login/simulator-visitor.ts'

let vneid: Simulator
beforeAll(async () => {
  vneid = await openSimulator({ clients, approve: 'an' })
})
afterEach(() => {
  vneid.approve('an')
  vneid.tamper({})
})
afterAll(() => vneid.close())

const { visit, authorize, redeem, tokens, userinfo } = visitor(() => vneid)

async function idToken(faults: Faults): Promise<string> {
  vneid.tamper(faults)
  return (await tokens()).id_token
}

function start(env: Record<string, string>): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, ['src/sandbox/simulator/main.ts'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

describe('the made-up citizens', () => {
  test('are at least twenty, each with a key, a subject and a number of their own', () => {
    expect(citizens.length).toBeGreaterThanOrEqual(20)
    for (const field of ['key', 'sub', 'number'] as const) {
      expect(new Set(citizens.map((citizen) => citizen[field])).size).toBe(citizens.length)
    }
  })

  test('have digits that agree with birth year and sex, except the two with re-issued numbers', () => {
    const odd = citizens
      .filter(({ kind, key }) => !['organisation', 'foreigner'].includes(kind) && key !== 'tam')
      .map(
        (citizen) =>
          [citizen.key, disagreements(Identifier.parse('citizen_id', citizen.number), citizen)] as const,
      )
      .filter(([, found]) => found.length > 0)
    expect(odd).toEqual([
      ['giang', ['birth_year']],
      ['loan', ['sex']],
    ])
  })

  test('have well-formed identifiers of their kind, except the one that is malformed on purpose', () => {
    expect(() => Identifier.parse('citizen_id', citizenNamed('tam').number)).toThrow('not a well-formed')
    Identifier.parse('foreigner_id', citizenNamed('john').number)
    Identifier.parse('organisation_id', citizenNamed('congty').number)
  })

  test('include one whose name is decomposed and two who share a name', () => {
    const { name } = citizenNamed('hoa')
    expect(name).not.toBe(name.normalize('NFC'))
    expect(citizenNamed('an2').name).toBe(citizenNamed('an').name)
  })
})

describe('the pages of the simulator', () => {
  test('lead from the choice of a citizen to consent, passcode and back to the client', async () => {
    vneid.approve(undefined)
    const { number } = citizenNamed('chi')
    expect(await (await authorize()).text()).toContain('Chọn công dân')
    expect(await (await authorize({}, { citizen: number })).text()).toContain('Xác nhận chia sẻ')
    expect(await (await authorize({}, { citizen: 'chi', agreed: '1' })).text()).toContain(
      'Nhập mật khẩu 6 số',
    )
    const wrong = await authorize({}, { citizen: 'chi', agreed: '1', passcode: '12345' })
    expect(await wrong.text()).toContain('đúng 6 chữ số')
    const done = await answerTo(authorize({}, { citizen: 'chi', agreed: '1', passcode: '123456' }))
    const response = await redeem({ code: done.get('code') ?? '', code_verifier: verifier })
    const { id_token } = (await response.json()) as Tokens
    expect(decodeJwt(id_token)).toMatchObject({ accountLevel: '01', citizenPid: number })
  })

  test('redirect with access_denied for a citizen who refuses or whose account is locked', async () => {
    const refused = { error: 'access_denied', state: usual.state }
    expect(Object.fromEntries(await answerTo(authorize({}, { refuse: '1' })))).toMatchObject(refused)
    vneid.approve('quyen')
    expect(Object.fromEntries(await answerTo(authorize()))).toMatchObject(refused)
    vneid.approve('phuc')
    const locked = Object.fromEntries(await answerTo(authorize()))
    expect(locked).toMatchObject({ ...refused, error_description: 'account_locked' })
    const direct = await answerTo(visit('/auth', usual))
    expect(direct.get('error_description')).toBe('account_locked')
  })

  test('show a page without a redirect for a citizen who walks away', async () => {
    vneid.approve('son')
    const response = await authorize()
    expect(response.status).toBe(200)
    expect(await response.text()).not.toContain('<form')
  })

  test('say on every page that this is not VNeID, and run no script', async () => {
    vneid.approve(undefined)
    const pages = [
      await authorize(),
      await authorize({}, { citizen: 'nobody' }),
      await authorize({}, { citizen: 'minh' }),
      await authorize({}, { citizen: 'minh', agreed: '1' }),
      await authorize({}, { citizen: 'son' }),
      await authorize({ client_id: '<script>' }),
      await visit('/oidc/logout', {}),
      await visit('/logout', {}),
    ]
    for (const response of pages) {
      expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
      const page = await response.text()
      expect(page).toContain('<header>MÔ PHỎNG – KHÔNG PHẢI VNeID</header>')
      expect(page).not.toContain('<script')
    }
  })

  test('refuse to approve a citizen who does not exist', () => {
    expect(() => vneid.approve('nobody')).toThrow('no citizen has the key or number nobody')
  })
})

describe('a simulated fault', () => {
  test('puts exactly the wrong claim into the ID token', async () => {
    expect(decodeJwt(await idToken({ wrongNonce: true })).nonce).not.toBe('n-1')
    expect(decodeJwt(await idToken({ wrongAudience: true })).aud).not.toBe('broker')
    expect(decodeJwt(await idToken({ wrongIssuer: true })).iss).not.toBe(vneid.issuer)
    expect(decodeJwt(await idToken({ expiredIdToken: true })).exp).toBeLessThan(Date.now() / 1000)
    expect(decodeJwt(await idToken({ staleAuthTime: true })).auth_time).toBeLessThan(
      Date.now() / 1000 - 80_000,
    )
    expect(decodeJwt(await idToken({ noAuthTime: true }))).not.toHaveProperty('auth_time')
    expect(decodeJwt(await idToken({ leanIdToken: true }))).not.toHaveProperty('accountType')
    expect(decodeJwt(await idToken({ missingClaims: true }))).not.toHaveProperty('citizenPid')
    expect(decodeProtectedHeader(await idToken({ algNone: true })).alg).toBe('none')
    expect(await idToken({ noIdToken: true })).toBeUndefined()
    expect(decodeJwt(await idToken({})).nonce).toBe('n-1')
  })

  test('signs with a key that is not in the JWKS, with the kid of one that is', async () => {
    const jwks = createRemoteJWKSet(new URL(`${vneid.url}/jwks`))
    await expect(jwtVerify(await idToken({}), jwks)).resolves.toBeDefined()
    await expect(jwtVerify(await idToken({ unknownKey: true }), jwks)).rejects.toThrow('signature')
  })

  test('returns userinfo of another person, or incomplete userinfo', async () => {
    const { access_token } = await tokens()
    vneid.tamper({ wrongUserinfoSub: true })
    expect((await userinfo(access_token)).sub).not.toBe(citizenNamed('an').sub)
    vneid.tamper({ missingClaims: true })
    expect(await userinfo(access_token)).not.toHaveProperty('accountType')
  })

  test('makes endpoints fail or never answer', async () => {
    vneid.tamper({ tokenError: true, userinfoError: true })
    expect((await redeem({})).status).toBe(500)
    expect((await redeem({}, '/token')).status).toBe(500)
    expect((await fetch(`${vneid.url}/oidc/userinfo`)).status).toBe(500)
    vneid.tamper({ tokenHangs: true, userinfoHangs: true })
    for (const path of ['/oidc/userinfo', '/userinfo']) {
      await expect(fetch(`${vneid.url}${path}`, { signal: AbortSignal.timeout(100) })).rejects.toThrow(
        'timeout',
      )
    }
    const post = { method: 'POST', signal: AbortSignal.timeout(100) }
    await expect(fetch(`${vneid.url}/token`, post)).rejects.toThrow('timeout')
  })

  test('sends another issuer with the code', async () => {
    vneid.tamper({ wrongResponseIssuer: true })
    expect((await answerTo(authorize())).get('iss')).not.toBe(vneid.issuer)
  })
})

describe('the simulator as a program', () => {
  const settings = {
    SIMULATOR_PORT: '0',
    SIMULATOR_CLIENT_ID: 'broker',
    SIMULATOR_CLIENT_SECRET: 'secret',
    SIMULATOR_REDIRECT_URIS: `${redirectUri}, ${loggedOut}`,
  }

  test('names every missing or wrong setting at once and does not start', async () => {
    const child = start({ SIMULATOR_PORT: 'x', SIMULATOR_APPROVE: 'nobody', SIMULATOR_ENVELOPE: 'ecb' })
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect(code).toBe(1)
    const names = ['PORT', 'APPROVE', 'CLIENT_ID', 'CLIENT_SECRET', 'REDIRECT_URIS', 'ENVELOPE_PUBLIC_KEY']
    for (const name of names) expect(said).toContain(`SIMULATOR_${name} `)
  })

  test('starts from its settings, prints its URL, and ends on SIGTERM', async () => {
    const approve = { SIMULATOR_APPROVE: 'an', SIMULATOR_ENVELOPE: 'cbc' }
    const child = start({ ...settings, ...approve, SIMULATOR_ENVELOPE_PUBLIC_KEY: envelopePublicKey })
    const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
    const url = /http:\S+/.exec(line)?.[0] ?? ''
    const query = new URLSearchParams(usual).toString()
    expect((await fetch(`${url}/auth?${query}`, { redirect: 'manual' })).headers.get('location')).toContain(
      'encrypt_key=',
    )
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})
