/** A minimal browser for a citizen: keeps cookies by origin, follows redirects one by one and reports each. */

export interface Step {
  readonly method: string
  readonly url: string
  readonly status: number
  readonly location: string | undefined
}

export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

export interface Visitor {
  /** Opens a URL and follows redirects up to the first page, or up to a URL for which `until` is true, which is not fetched. */
  open(
    url: string,
    options?: {
      until?: (url: string) => boolean
      form?: Record<string, string>
      headers?: Record<string, string>
    },
  ): Promise<Page>
  readonly steps: Step[]
  /** The cookies of an origin, name → value. */
  cookies(origin: string): Map<string, string>
}

export function createVisitor({ onStep }: { onStep?: (step: Step) => void } = {}): Visitor {
  const jars = new Map<string, Map<string, string>>()
  const steps: Step[] = []
  const jarOf = (origin: string) => {
    let jar = jars.get(origin)
    if (jar === undefined) jars.set(origin, (jar = new Map()))
    return jar
  }

  return {
    steps,
    cookies: jarOf,
    async open(start, { until, form, headers = {} } = {}) {
      let url = start
      let body = form
      for (let hop = 0; hop < 20; hop++) {
        if (until?.(url)) return { url, status: 0, headers: new Headers(), body: '' }
        const { origin } = new URL(url)
        const jar = jarOf(origin)
        const response = await fetch(url, {
          method: body ? 'POST' : 'GET',
          redirect: 'manual',
          headers: {
            accept: 'text/html,application/xhtml+xml',
            cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
            ...headers,
          },
          ...(body ? { body: new URLSearchParams(body) } : {}),
        })
        for (const cookie of response.headers.getSetCookie()) {
          const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(cookie) ?? []
          const gone = value === '' || /expires=Thu, 01 Jan 1970/i.test(cookie) || /max-age=0/i.test(cookie)
          if (gone) jar.delete(name)
          else jar.set(name, value)
        }
        const location = response.headers.get('location') ?? undefined
        const step = { method: body ? 'POST' : 'GET', url, status: response.status, location }
        steps.push(step)
        onStep?.(step)
        const text = await response.text()
        if (location === undefined || response.status < 300 || response.status > 399) {
          return { url, status: response.status, headers: response.headers, body: text }
        }
        url = new URL(location, url).href
        body = undefined
      }
      throw new Error('too many redirects')
    },
  }
}
