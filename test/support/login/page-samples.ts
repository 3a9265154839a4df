// Samples of every page: short and long texts, with and without a link back to the portal.
import { deviceCodePage, deviceConfirmPage, deviceResultPage } from '../../../src/pages/device.ts'
import { errorPage } from '../../../src/pages/error.ts'
import { linkPage, linkResultPage } from '../../../src/pages/link.ts'
import { locales } from '../../../src/pages/locale.ts'
import type { Locale } from '../../../src/pages/locale.ts'
import { leftPortalPage, loggedOutPage, notLoggedOutPage } from '../../../src/pages/logged-out.ts'
import { logoutPage } from '../../../src/pages/logout.ts'
import { noticePage } from '../../../src/pages/notice.ts'

export const portalName = 'Cổng dịch vụ công Bộ Xây dựng'
const longName =
  'Hệ thống thông tin giải quyết thủ tục hành chính Ủy ban nhân dân tỉnh Bà Rịa - Vũng Tàu ' +
  '(dichvucong.baria-vungtau.example.gov.vn)'
export const reference = '4bf92f3577b34da6a3ce929d0e0e4736'

interface View {
  readonly form?: boolean
  readonly render: (locale: Locale) => string
}

export const frame = (locale: Locale) => ({ locale, hotline: '1900.0368', switchUrl: '/auth?lang=en&x=1' })
export const returnUrl = 'https://portal.example/'
const linkView = (l: Locale) => ({ ...frame(l), portalName, account: 'an.nguyen85', formAction: '/link' })
const scopes = ['openid', 'profile', 'citizen_id', 'organisation', 'legacy_accounts', 'offline_access']

export const views: Record<string, View> = {
  notice: {
    render: (l) =>
      noticePage({
        ...frame(l),
        portalName,
        scopes: scopes.slice(0, 3),
        startUrl: '/start',
        cancelUrl: '/cancel',
      }),
  },
  'notice-long': {
    render: (l) =>
      noticePage({ ...frame(l), portalName: longName, scopes, startUrl: '/start', cancelUrl: '/cancel' }),
  },
  error: { render: (l) => errorPage({ ...frame(l), code: 'level_unmet', reference, returnUrl, portalName }) },
  'error-long': {
    render: (l) =>
      errorPage({
        ...frame(l),
        code: 'upstream_authentication_stale',
        reference,
        returnUrl,
        portalName: longName,
      }),
  },
  'error-no-way-back': {
    render: (l) => errorPage({ locale: l, hotline: '1900.0368', code: 'upstream_unavailable', reference }),
  },
  'error-interrupted': {
    render: (l) =>
      errorPage({
        ...frame(l),
        code: 'interaction_gone',
        reference,
        returnUrl,
        portalName,
        continueUrl: '/x',
      }),
  },
  'error-elsewhere': {
    render: (l) =>
      errorPage({
        ...frame(l),
        code: 'interaction_gone',
        reference,
        returnUrl,
        portalName,
        isElsewhere: true,
      }),
  },
  link: {
    form: true,
    render: (l) =>
      linkPage({ ...linkView(l), account: 'an.nguyen85', name: 'Nguyễn Văn An', numberEnd: '901' }),
  },
  'link-grace-long': {
    form: true,
    render: (l) =>
      linkPage({
        ...linkView(l),
        portalName: longName,
        account: `  ${'W'.repeat(256)}`,
        name: 'Công Tằng Tôn Nữ Hoàng Phương Khánh Ngọc Diệu Huyền',
        numberEnd: '923',
        lockedFrom: '2099-01-01',
      }),
  },
  'link-in-review': {
    form: true,
    render: (l) => linkResultPage({ ...linkView(l), isRefused: false, reason: 'number_differs', reference }),
  },
  'link-refused': {
    form: true,
    render: (l) => linkResultPage({ ...linkView(l), isRefused: true, reason: 'locked', reference }),
  },
  logout: {
    form: true,
    render: (l) => logoutPage({ ...frame(l), formAction: '/confirm', xsrf: 'x"1', portalName }),
  },
  'logout-no-portal': {
    form: true,
    render: (l) => logoutPage({ ...frame(l), formAction: '/confirm', xsrf: 'x"1' }),
  },
  'logout-wrong-request': {
    form: true,
    render: (l) => logoutPage({ ...frame(l), formAction: '/confirm', xsrf: 'x"1', isWrongRequest: true }),
  },
  'device-code': {
    form: true,
    render: (l) => deviceCodePage({ ...frame(l), formAction: '/device', xsrf: 'x"1', code: undefined }),
  },
  'device-confirm': {
    form: true,
    render: (l) =>
      deviceConfirmPage({ ...frame(l), formAction: '/device', xsrf: 'x"1', code: 'BCD-FGH-JKL' }),
  },
  'device-done': { render: (l) => deviceResultPage({ ...frame(l), what: 'done' }) },
  'device-wrong': { render: (l) => deviceResultPage({ ...frame(l), what: 'wrong', againUrl: '/device' }) },
  'device-stopped': {
    render: (l) => deviceResultPage({ ...frame(l), what: 'stopped', againUrl: '/device' }),
  },
  'logged-out': { render: (l) => loggedOutPage({ ...frame(l), returnUrl }) },
  'logged-out-unreached': { render: (l) => loggedOutPage({ ...frame(l), returnUrl, isUnreached: true }) },
  'not-logged-out': {
    render: (l) => notLoggedOutPage({ ...frame(l), returnUrl, portalName, logoutUrl: '/session/end' }),
  },
  'left-portal': {
    render: (l) => leftPortalPage({ ...frame(l), returnUrl, portalName, logoutUrl: '/session/end' }),
  },
}
export const everyPage = Object.entries(views).flatMap(([name, view]) =>
  locales.map((locale) => ({ name, locale, view })),
)
