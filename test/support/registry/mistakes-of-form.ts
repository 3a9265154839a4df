/** Syntax mistakes of files and fields, for `test/registry/mistakes.test.ts`. */
import { consoleId } from '../../../src/operators/console.ts'
import { definition, type Mistake, secret, yaml } from './mistake.ts'

export const mistakesOfForm: Readonly<Record<string, Mistake>> = {
  'a bracket that is not closed': {
    file: 'client_id: portal-a\nredirect_uris: [https://a.example/cb\nclient_name: A\n',
    at: 3,
    told: /is not valid YAML; /,
  },
  'a tab as indentation': {
    file: 'client_id: portal-a\npolicy:\n\tnotice: true\n',
    at: 3,
    told: /is not valid YAML; indent with spaces/,
  },
  'fields that are not indented alike': {
    file: 'policy:\n    notice: true\n  province: "08"\n',
    at: 3,
    told: /is not valid YAML; /,
  },
  'a comma too many in JSON': {
    file: { 'a.json': '{\n  "client_id": "portal-a",\n}\n' },
    at: 3,
    told: /is not valid JSON; /,
  },
  'a comment in JSON': {
    file: { 'a.json': '{\n  # mine\n  "client_id": "portal-a"\n}\n' },
    at: 2,
    told: /is not valid JSON; /,
  },
  'a field twice': {
    file: `${yaml({})}scope: openid\nscope: openid profile\n`,
    at: 'scope: openid profile',
    told: /second time; keep one/,
  },
  'a field twice in JSON': {
    file: { 'a.json': '{\n  "client_id": "a-a",\n  "client_id": "b-b"\n}\n' },
    at: 3,
    told: /second time; keep one/,
  },
  'an empty file': { file: '', at: 1, told: /is empty; write/ },
  'a file of comments only': { file: '# nothing yet\n', at: 1, told: /is empty; write/ },
  'an empty list': { file: '[]\n', at: 1, told: /is empty; write/ },
  'two documents in a file': {
    file: `${yaml({})}---\nclient_id: portal-b\n`,
    at: '---',
    told: /second document; give each portal a file/,
  },
  'a file that is not UTF-8': {
    file: Buffer.from('client_id: portal-a\nclient_name: C\xf4ng\n', 'latin1'),
    at: 2,
    told: /not UTF-8; save it as UTF-8/,
  },
  'a file that is too large': {
    file: `client_id: portal-a\n#${'x'.repeat(1024 * 1024)}\n`,
    at: 1,
    told: /larger than 1 MiB; /,
  },
  'a NUL character': {
    file: { 'a.json': '{\n  "client_id": "portal-a",\n  "client_name": "A\\u0000"\n}\n' },
    at: 3,
    told: /NUL character; remove it/,
  },
  'an anchor and its alias': {
    file: 'client_id: &id portal-a\nclient_name: *id\n',
    at: 1,
    told: /anchor or alias; write the value itself/,
  },
  'a tag': {
    file: 'client_id: portal-a\nclient_name: !!binary aGVsbG8=\n',
    at: 2,
    told: /tag; write the value itself/,
  },
  'a text in place of a definition': {
    file: 'portal-a\n',
    at: 1,
    told: /the definition: must be an object; /,
  },
  'a list in a folder': {
    file: { 'a.yaml': `- ${JSON.stringify(definition())}\n` },
    at: 1,
    told: /is a list; in a folder each portal has a file/,
  },
  'a folder without files': { file: {}, at: 1, told: /holds no .yaml, .yml or .json file; put/, name: '' },
  'no client_id': {
    file: yaml({ client_id: undefined }),
    at: 1,
    told: /client_id: is missing; add a string/,
  },
  'a malformed client_id': {
    file: yaml({ client_id: 'Portal A' }),
    at: 'client_id:',
    told: /client_id: is not a valid id; write 3 to 64/,
  },
  'the id of the operators’ console': {
    file: yaml({ client_id: consoleId }),
    at: 'client_id:',
    told: /client_id: is reserved for the broker; choose/,
  },
  'no name': {
    file: yaml({ client_name: undefined }),
    at: 1,
    told: /client_name: is missing; add a string/,
  },
  'a number in place of a text': {
    file: yaml({ client_name: 12 }),
    at: 'client_name:',
    told: /client_name: must be a string; write it in quotes/,
  },
  'a text in place of a list': {
    file: yaml({ redirect_uris: 'https://portal.example/cb' }),
    at: 'redirect_uris:',
    told: /redirect_uris: must be a list; /,
  },
  'an unknown field': {
    file: yaml({ redirect_url: 'https://portal.example/cb' }),
    at: 'redirect_url:',
    told: /redirect_url: is not a known field; write redirect_uris/,
  },
  'an unknown field of the policy': {
    file: yaml({ policy: { minimum_levle: 2 } }),
    at: 'minimum_levle',
    told: /policy\.minimum_levle: is not a known field; write minimum_level/,
  },
  'a field that resembles none': {
    file: yaml({ favourite_colour: 'blue' }),
    at: 'favourite_colour',
    told: /favourite_colour: is not a known field; remove it/,
  },
  'something that should not be repeated in place of a field': {
    file: `${yaml({})}"${secret} = x": 1\n`,
    at: secret,
    told: /…: is not a known field; remove it/,
  },
  'two portals of one id in a list': {
    file: yaml({}, {}),
    at: yaml({}).split('\n').length,
    told: /client_id: is used by two definitions; give/,
  },
  'two portals of one id in a folder': {
    file: { 'a.yaml': yaml({}), 'b.yaml': yaml({ client_name: 'B' }) },
    name: 'b.yaml',
    at: 'client_id:',
    told: /client_id: is used by two definitions; give/,
  },
}
