/** An operator's terminal and browser: the device flow of RFC 8628, without code of ours. */
import { createAdminClient } from '../../../src/cli/client.ts'
import { type Page, type Visitor, createVisitor } from '../../../src/sandbox/visitor.ts'
import { press } from '../portal.ts'
import { recordSecrets } from '../record.ts'
import type { World } from '../world.ts'

export interface Begun {
  readonly device_code: string
  readonly user_code: string
  readonly verification_uri: string
  readonly verification_uri_complete: string
  readonly expires_in: number
}
export interface Answer {
  readonly status: number
  readonly access_token?: string
  readonly refresh_token?: string
  readonly id_token?: string
  readonly error?: string
  readonly error_description?: string
}

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

export function openConsole(world: World) {
  const { issuer } = world
  const post = async (path: string, fields: Record<string, string>): Promise<Answer> => {
    const body = new URLSearchParams({ client_id: 'operator-console', ...fields })
    const response = await fetch(`${issuer}${path}`, { method: 'POST', body })
    const answer = (await response.json().catch(() => ({}))) as Omit<Answer, 'status'>
    recordSecrets([answer.access_token, answer.refresh_token])
    return { ...answer, status: response.status }
  }

  const terminal = {
    post,
    begin: async (scope = 'operator') => {
      const begun = (await post('/device/auth', { scope })) as unknown as Begun
      recordSecrets([begun.device_code])
      return begun
    },
    poll: ({ device_code: code }: Begun) => post('/token', { grant_type: deviceGrant, device_code: code }),
    refresh: (token = '') => post('/token', { grant_type: 'refresh_token', refresh_token: token }),
    /** Opens the page that asks for confirmation. */
    async bring(begun: Begun, visitor: Visitor = createVisitor()): Promise<{ visitor: Visitor; page: Page }> {
      const entry = await visitor.open(begun.verification_uri_complete)
      const page = await press(visitor, entry, { user_code: begun.user_code })
      return { visitor, page }
    },
    /** Runs the whole flow, as a citizen of the sandbox. */
    async allow(citizen: string, begun: Begun, visitor?: Visitor): Promise<Page> {
      world.simulator.approve(citizen)
      const { visitor: browser, page } = await terminal.bring(begun, visitor)
      return press(browser, page, { confirm: 'yes' })
    },
    async signIn(citizen: string, visitor?: Visitor): Promise<Answer> {
      const begun = await terminal.begin()
      await terminal.allow(citizen, begun, visitor)
      return terminal.poll(begun)
    },
    admin: (token: string | undefined) =>
      createAdminClient({ url: world.adminUrl, token: () => Promise.resolve(token ?? '') }),
  }
  return terminal
}
