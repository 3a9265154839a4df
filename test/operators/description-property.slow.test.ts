/** Random requests made from the OpenAPI document, right and wrong: each is answered as the document says. */
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import type { JWK } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { generateOperatorKey } from '../../src/operators/key.ts'
import { createOperator } from '../../src/operators/operators.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { roles } from '../../src/vocabulary.ts'
import { adminRoles } from '../support/operators/admin-roles.ts'
import { assertion } from '../support/operators/admin-server.ts'
import { type Contract, createContract } from '../support/operators/contract.ts'
import { type DescribedOperation, type Request, requestsOf } from '../support/operators/described-requests.ts'
import type { Source } from '../support/operators/from-schema.ts'
import { newNumber } from '../support/operators/operators.ts'
import { recordSecrets } from '../support/record.ts'
import { search, timeout } from '../support/random-search.ts'
import { openWorld, portalDefinition, type World } from '../support/world.ts'

const log = createLog({ level: 'silent' })
let world: World
let contract: Contract
let key: JWK
let source: Source

beforeAll(async () => {
  // A search makes more requests than the limits let one caller send.
  const limits = { admin: { failures: 1_000_000, address: 1_000_000 } }
  world = await openWorld({ environment: { LIMITS: JSON.stringify(limits) } })
  contract = createContract(world.adminOperations, world.db)
  await world.register(portalDefinition('cong-mau'))
  await world.legacyAccount({ clientId: 'cong-mau', accountId: 'an.lt', number: '001185999906' })
  key = await knownPerson('caller')
  await knownPerson('other')
  const { text: document } = await send({
    method: 'GET',
    path: '/v1/openapi.json',
    headers: {},
    body: undefined,
  })
  const known = { id: ['cong-mau', 'other'], client: ['cong-mau'], client_id: ['cong-mau'], account: ['1'] }
  source = {
    document: JSON.parse(document) as Source['document'],
    known: { ...known, account_id: ['an.lt'], reference: ['test'], 'If-Match': ['"0"', '"1"'] },
  }
})

/** An operator with every role. @returns its key */
async function knownPerson(id: string): Promise<JWK> {
  const { privateKey, publicKey } = await generateOperatorKey()
  recordSecrets([privateKey.d])
  const citizen = { type: 'citizen_id', keys: world.citizenKeysOf(newNumber()) } as const
  await createOperator({ db: world.db, log, actor: 'local' }, { id, roles, key: publicKey, citizen })
  return privateKey
}

/** `fetch` joins equal headers and refuses some bodies. */
async function send({ method, path, headers, body }: Request) {
  const authorization = `Bearer ${await assertion(world, 'caller', key)}`
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const size = body !== undefined && { 'content-length': Buffer.byteLength(body) }
    const all = { ...headers, ...size, authorization }
    const asked = request(`${world.adminUrl}${path}`, { method, headers: all }, resolve)
    asked.once('error', reject)
    asked.end(body)
  })
  const told = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
  )
  return {
    method: method as 'GET',
    path,
    status: answer.statusCode!,
    headers: told,
    text: await text(answer),
  }
}

const requestsTo = (name: string) => {
  const [method = '', path = ''] = name.split(' ')
  const template = path.replaceAll(/:(\w+)/g, '{$1}')
  const paths = source.document['paths'] as Record<string, Record<string, DescribedOperation>>
  return requestsOf({ method, template, described: paths[template]![method.toLowerCase()]! }, source)
}
const check = async (one: Request) => {
  const answer = await send(one)
  await contract.check(answer)
  expect({ ...answer, isFault: answer.status >= 500 }).toMatchObject({ isFault: false })
  return answer
}

/** What zod says by itself. */
const foreignWords =
  /Too (?:small|big)|Invalid (?:input|option|string|key|number|element|ISO|UUID|URL)|Unrecognized key|expected .* (?:received|to )/

/** Rules that JSON Schema cannot say: the description says them in words. */
const inWords =
  /must be the `next` of a page|until: must (?:not be in the past|be within three years)|reason: is missing|retiring portals needs a reason|must not contain identification numbers|must have at least \d+ characters?|must not be empty|must be within the next two years|from, to: must span|from: must|client_id: must be equal|must be different|no person has signed in|there is no subject with this id|must be a valid point|no portal with this id/

test.each(Object.keys(adminRoles))(
  '%s answers whatever is sent as its description says, in our own words',
  async (name) => {
    const { misfits } = requestsTo(name)
    const property = fc.asyncProperty(misfits, async (one) => {
      const { status, text: told } = await check(one)
      expect(status === 400 ? told : '').not.toMatch(foreignWords)
    })
    await fc.assert(property, search(6))
  },
  timeout,
)

test.each(Object.keys(adminRoles))(
  '%s accepts every input that its description allows',
  async (name) => {
    const { fits } = requestsTo(name)
    const property = fc.asyncProperty(fits, async (one) => {
      const answer = await check(one)
      if (answer.status !== 400) return
      const { code, detail = '' } = JSON.parse(answer.text) as { code: string; detail?: string }
      const faults = code === 'input_invalid' ? detail.split('; ') : []
      expect(faults.filter((fault) => !inWords.test(fault))).toEqual([])
    })
    await fc.assert(property, search(3))
  },
  timeout,
)
