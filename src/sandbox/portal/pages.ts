/** The demo portal's pages: no scripts, in Vietnamese, and clearly marked as not a real portal. */
import { createHash } from 'node:crypto'
import { html, type Html, raw, webAddress } from '../../pages/html.ts'
import type { Refusal, SignedIn } from './client.ts'

const style = `
  *{box-sizing:border-box}
  body{margin:0;font:1rem/1.55 system-ui,sans-serif;color:#1d2329;background:#f2f4f6;overflow-wrap:anywhere}
  .demo{margin:0;padding:.5rem 1rem;background:#ffd54a;text-align:center;font-size:.875rem;font-weight:700}
  header{background:#14507d;color:#fff;padding:1rem}
  .green header{background:#1e6a45}
  header p{max-width:46rem;margin:0 auto;font-size:1.125rem;font-weight:600;line-height:1.35}
  main{max-width:48rem;margin:0 auto;padding:1rem}
  section{background:#fff;border:1px solid #d6dce1;border-radius:10px;padding:1.125rem;margin:0 0 1rem}
  h1{font-size:1.375rem;line-height:1.3;margin:0 0 .75rem}h2{font-size:1.0625rem;margin:0 0 .75rem}
  p{margin:0 0 1rem}section>:last-child,form,dl>:last-child{margin-bottom:0}small{display:block;color:#53606b}
  .button{display:flex;align-items:center;justify-content:center;width:100%;min-height:48px;
    padding:.6rem 1rem;border:1px solid #8a1c1c;border-radius:8px;background:#8a1c1c;color:#fff;
    font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}
  .button.plain{background:#fff;border-color:#7a858e;color:#1d2329}
  .actions,.actions form{display:grid;gap:.75rem}
  dl{margin:0}dt{color:#53606b;font-size:.875rem}dd{margin:0 0 .625rem;font-weight:600}
  table{width:100%;border-collapse:collapse}
  th,td{padding:.5rem .75rem .5rem 0;text-align:left;vertical-align:top;border-top:1px solid #e3e7ea}
  thead th{border-top:0;padding-top:0;color:#53606b;font-size:.875rem;font-weight:400}
  tbody th{font-weight:600}
  summary{cursor:pointer;line-height:44px;margin:-.625rem 0;color:#14507d;font-weight:600}
  pre{margin:.75rem 0 0;padding:.75rem;background:#f2f4f6;border-radius:6px;white-space:pre-wrap;
    font:.8125rem/1.5 ui-monospace,Consolas,monospace}
  [role=alert],[role=status]{padding:.75rem 1rem;border-left:4px solid #b00020;background:#fbf3f3}
  [role=status]{border-color:#1e6a45;background:#f1f8f4}
  label{display:grid;gap:.25rem;margin-bottom:1rem}
  input{min-height:48px;padding:.6rem 1rem;border:1px solid #7a858e;border-radius:8px;font:inherit}
  :focus-visible{outline:3px solid #1a5fb4;outline-offset:2px}
  @media (min-width:40rem){
    main{padding:1.75rem 1rem}section{padding:1.5rem 1.75rem}
    .actions{grid-template-columns:1fr 1fr}.actions>:only-child{max-width:22rem;grid-column:1/-1}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.375rem 2rem;align-items:baseline}dd{margin:0}
  }
  @media (max-width:39.99rem){
    thead{position:absolute;clip-path:inset(50%)}
    tr,tbody th,td{display:block}tbody th,td{padding:.125rem 0;border:0}
    tr{border-top:1px solid #e3e7ea;padding:.5rem 0}
  }
`
const styleHash = createHash('sha256').update(style).digest('base64')
/** Has no `form-action`, because Chromium would apply it to the logout's redirects to the broker and block them. */
export const contentPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${styleHash}'`,
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The portal, and another portal with the same single sign-on. */
export interface Place {
  readonly name: string
  readonly colour?: 'blue' | 'green' | undefined
  readonly neighbour?: { readonly name: string; readonly url: string } | undefined
}

export function welcomePage(
  place: Place,
  { signedOut = false, refusal }: { signedOut?: boolean; refusal?: Refusal } = {},
): string {
  const title = refusal === undefined ? 'Xin chào Ông/Bà' : 'Đăng nhập không thành công'
  const sentence = refusals[refusal?.error ?? ''] ?? refusals['failed']
  const body = html`
<section>
<h1>${title}</h1>
${signedOut && html`<p role="status">Ông/Bà đã đăng xuất.</p>`}
${refusal && html`<p role="alert">${sentence}<small>${refusal.detail}</small></p>`}
<p>Vui lòng đăng nhập bằng Tài khoản Định danh điện tử cấp bởi Bộ Công an (VNeID)
để nộp và theo dõi hồ sơ.</p>
<div class="actions"><a class="button" href="/login">Đăng nhập bằng VNeID</a>
<a class="button plain" href="/old-account">Liên kết tài khoản cũ</a></div>
</section>`
  return page(place, title, body)
}

export function personPage(place: Place, { claims, userinfo }: SignedIn): string {
  const { neighbour } = place
  const there = neighbour && webAddress(`${neighbour.url}/login`)
  const accounts = (userinfo['legacy_accounts'] ?? []) as { id: string; method: string; linked_at: string }[]
  const organisation = userinfo['organisation'] as { id: string; name: string } | undefined
  const outcome = userinfo['legacy_account_link'] as { id: string; outcome: string } | undefined
  const number = userinfo['citizen_id'] ?? userinfo['foreigner_id']
  const facts: [string, string | undefined][] = [
    ['Họ và tên', userinfo.name],
    ['Ngày sinh', userinfo.birthdate?.split('-').toReversed().join('/')],
    ['Đối tượng', kinds[claims['kind'] as string]],
    ['Mức độ định danh', levelInWords(claims.acr)],
    ['Số định danh cá nhân', typeof number === 'string' ? mask(number) : undefined],
    ['Tổ chức', organisation && `${organisation.name} (${organisation.id})`],
  ]
  return page(
    place,
    'Thông tin định danh',
    html`
<section>
<h1>Thông tin định danh</h1>
${outcome && html`<p role="status">Tài khoản cũ ${outcome.id}: ${outcomes[outcome.outcome]}.</p>`}
<dl>${facts.map(([term, fact]) => fact !== undefined && html`<dt>${term}</dt><dd>${fact}</dd>`)}</dl>
</section>
<section>
<h2>Danh sách tài khoản liên kết</h2>
${
  accounts.length === 0
    ? html`<p>Chưa có tài khoản nào của cổng này được liên kết với Ông/Bà.</p>`
    : html`<table>
<thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${accounts.map(
        ({ id, method, linked_at: at }) => html`<tr>
<th scope="row">${id}</th><td>${methods[method] ?? method}</td><td>${day(at)}</td>
</tr>`,
      )}</tbody></table>`
}
</section>
<section>
<h2>Đi tiếp</h2>
<div class="actions">
<a class="button plain" href="/old-account">Liên kết tài khoản cũ</a>
${there && html`<a class="button plain" href="${there}">Sang ${neighbour?.name}</a>`}
<form method="post" action="/logout"><button class="button">Đăng xuất</button></form>
</div>
</section>
<section><details><summary>Nội dung ID token</summary>
<pre>${JSON.stringify(claims, null, 2)}</pre></details></section>`,
  )
}

const columns = ['Tài khoản', 'Căn cứ liên kết', 'Ngày liên kết']
const refusals: Readonly<Record<string, string>> = {
  access_denied: 'Ông/Bà đã từ chối chia sẻ thông tin, hoặc tài khoản này không được đăng nhập vào cổng.',
  unmet_authentication_requirements: 'Cổng này yêu cầu tài khoản VNeID có mức độ cao hơn.',
  failed: 'Vui lòng thử lại sau.',
}
const kinds: Readonly<Record<string, string>> = {
  citizen: 'Công dân',
  foreigner: 'Người nước ngoài',
  organisation: 'Tổ chức',
  representative: 'Người đại diện theo pháp luật hoặc được ủy quyền của tổ chức',
}
const methods: Readonly<Record<string, string>> = {
  attested_number: 'Số định danh đã so khớp với CSDL quốc gia về dân cư',
  matching_person: 'Số định danh, họ tên và ngày sinh trùng khớp',
  portal_word: 'Đã đăng nhập bằng tài khoản cũ, rồi đồng ý liên kết',
  operators: 'Hai cán bộ đã kiểm tra',
}
/** The result for the account that this sign-in named. */
const outcomes: Readonly<Record<string, string>> = {
  linked: 'đã liên kết với Ông/Bà',
  already_linked: 'đã liên kết với Ông/Bà từ trước',
  declined: 'chưa liên kết, vì Ông/Bà đã bỏ qua',
  in_review: 'đang chờ cán bộ kiểm tra',
  refused: 'không liên kết được',
}

const day = (at: string) => new Date(at).toLocaleDateString('vi-VN', { timeZone: 'Asia/Ho_Chi_Minh' })

const levelInWords = (acr: unknown) => {
  const level = /^urn:vneid:([12])$/.exec(String(acr))?.[1]
  return level === undefined ? 'không áp dụng' : `mức độ 0${level}`
}

/** Hides all but the last three characters, by which people recognise their own number. */
export const mask = (number: string): string => number.slice(0, -3).replaceAll(/./g, '•') + number.slice(-3)

export function page(place: Place, title: string, body: Html): string {
  return html`<!doctype html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – ${place.name}</title>
<style>${raw(style)}</style>
</head>
<body class="${place.colour ?? 'blue'}">
<p class="demo">TRANG MINH HỌA – KHÔNG PHẢI CỔNG DỊCH VỤ CÔNG THẬT</p>
<header><p>${place.name}</p></header>
<main>${body}</main>
</body>
</html>`.toString()
}
