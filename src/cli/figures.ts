import type { FiguresTold } from '../portals/figures.ts'
import { clientCommand, optional } from './command.ts'

type Told = Omit<FiguresTold, 'keys' | 'secrets'> & {
  readonly secrets: readonly { readonly expires_at: string }[]
}

export const figuresCommands = {
  figures: clientCommand({
    about: 'show the figures that each portal can read about itself',
    options: {
      client: optional('ID', 'this portal only'),
      from: optional('DAY', 'the first day (default: the last 30 days)'),
      to: optional('DAY', 'the last day'),
    },
    async run({ admin, print }, _args, filter) {
      const query = new URLSearchParams(
        Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined),
      )
      const { portals } = await admin.call<{ portals: readonly Told[] }>(
        'GET',
        `/v1/figures?${query.toString()}`,
      )
      for (const portal of portals) print(linesOf(portal).join('\n'))
    },
  }),
}

function linesOf({ client, from, to, logins, requests_refused, logout, links, secrets }: Told): string[] {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([code, n]) => `    ${code.padEnd(36)} ${n}`)
  const rate = links.rate === null ? '' : ` (${(100 * links.rate).toFixed(1)}%)`
  return [
    `${client}  ${from} to ${to}`,
    `  logins: ${logins.completed} completed, ${logins.refused} refused`,
    ...list(logins.refused_by_code),
    ...(Object.keys(requests_refused).length > 0 ? ['  requests refused:', ...list(requests_refused)] : []),
    `  logout notices: ${logout.delivered} delivered, ${logout.failed} failed`,
    `  links: ${links.linked} of ${links.accounts} accounts${rate}, ${links.open} open, ${links.in_review} in review`,
    ...secrets.map((secret) => `  a secret ends ${secret.expires_at.slice(0, 10)}`),
  ]
}
