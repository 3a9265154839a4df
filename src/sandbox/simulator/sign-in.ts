/** The citizen at VNeID: choose (in place of the QR code) → consent → passcode, or one redirect where approved. */
import type { Context } from 'koa'
import { type Citizen, findCitizen } from '../citizens.ts'
import { type Desk, readForm } from './desk.ts'
import { choosePage, consentPage, passcodePage, waitingPage } from './pages.ts'

type Outcome = { citizen: Citizen } | { error: 'access_denied'; error_description?: 'account_locked' }

/**
 * Undefined while a page is shown. Each screen posts to the address it was opened at and carries the steps
 * before it, so nothing is stored; a test may post `citizen`, `agreed` and `passcode` at once.
 */
export async function meetCitizen(ctx: Context, desk: Desk): Promise<Outcome | undefined> {
  const form = await readForm(ctx)
  const approved = desk.approved()
  // A choice made in this browser goes before the citizen approved for everyone.
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
