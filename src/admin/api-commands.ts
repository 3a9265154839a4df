import { type Commands, clientCommand } from '../cli/command.ts'

export const apiCommands: Commands = {
  api: clientCommand({
    about: 'the admin API’s description, OpenAPI 3.1 as JSON',
    async run({ admin, print }) {
      print(JSON.stringify(await admin.call('GET', '/v1/openapi.json'), null, 2))
    },
  }),
}
