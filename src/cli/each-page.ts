import type { AdminClient } from './client.ts'

/** Reads a list page by page. @param query parameters that are sent for each page */
export async function* eachPage<Page extends { readonly next: string | null; readonly more: boolean }>(
  admin: AdminClient,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): AsyncGenerator<Page, void, undefined> {
  const asked = Object.entries({ limit: '1000', ...query }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const parameters = new URLSearchParams(asked)
  for (let more = true; more;) {
    const page: Page = await admin.call<Page>('GET', `${path}?${parameters.toString()}`)
    yield page
    more = page.more && page.next !== null
    parameters.set('after', page.next ?? '')
  }
}
