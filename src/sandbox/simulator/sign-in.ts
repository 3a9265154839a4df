/** The citizen at VNeID: choose a citizen (instead of the QR code) → consent → passcode, or one redirect for an approved citizen. */
import type { Context } from 'koa'
import { type Citizen, findCitizen } from '../citizens.ts'
import { type Desk, readForm } from './desk.ts'
import { choosePage, consentPage, passcodePage, waitingPage } from './pages.ts'

type Outcome = { citizen: Citizen } | { error: 'access_denied'; error_description?: 'account_locked' }

/**
 * @returns the outcome; undefined if a page was shown. Each page posts to its own URL and carries the earlier answers, so
 * nothing is stored. A test may post `citizen`, `agreed` and `passcode` at once.
 */
export async function meetCitizen(ctx: Context, desk: Desk): Promise<Outcome | undefined> {
  const form = await readForm(ctx)
  const approved = desk.approved()
  // A choice made in this browser overrides the citizen approved for all browsers.
  const chosen = findCitizen(form.get('citizen')?.trim() ?? '')
  const citizen = chosen ?? approved
  if (form.has('refuse')) return { error: 'access_denied' }
  if (citizen === undefined) return show(ctx, choosePage({ unknown: form.has('citizen') }))
  if (citizen.manner === 'locked') return { error: 'access_denied', error_description: 'account_locked' }
  if (citizen.manner === 'refuses') return { error: 'access_denied' }
  if (citizen.manner === 'walks_away') return show(ctx, waitingPage())
  if (chosen === undefined) return { citizen }
  if (!form.has('agreed')) return show(ctx, consentPage({ citizen }))
  const passcode = form.get('passcode')
  if (!/^\d{6}$/.test(passcode ?? '')) return show(ctx, passcodePage({ citizen, wrong: passcode !== null }))
  return { citizen }
}

function show(ctx: Context, page: { toString(): string }): undefined {
  ctx.type = 'html'
  ctx.body = page.toString()
}
