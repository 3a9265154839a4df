/** The simulator's pages: no scripts, Vietnamese first, and clearly marked as not VNeID. */
import { createHash } from 'node:crypto'
import { html, type Html, raw } from '../../pages/html.ts'
import { type Citizen, citizens } from '../citizens.ts'

const style = `
  *{box-sizing:border-box}
  body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:#1b1b1b;background:#f4f4f1;overflow-wrap:anywhere}
  header{padding:.75rem 1rem;background:#ffd54a;color:#1b1b1b;text-align:center;font-weight:700}
  main{max-width:34rem;margin:0 auto;padding:1rem}
  h1{font-size:1.3rem;margin:.5rem 0}
  [lang=en]{color:#555;font-size:.875rem;margin:.25rem 0 1rem}
  ul{list-style:none;margin:0;padding:0}
  button,input[type=text]{width:100%;padding:.7rem .8rem;margin:.25rem 0;font:inherit;color:inherit;
    border:1px solid #767676;border-radius:.4rem;background:#fff}
  button{text-align:left;cursor:pointer}
  button small{display:block;color:#555}
  button.main{background:#8a1c1c;border-color:#8a1c1c;color:#fff;text-align:center}
  button.quiet{text-align:center}
  :focus-visible{outline:3px solid #1a5fb4;outline-offset:2px}
  [role=alert]{padding:.5rem .75rem;border-left:4px solid #b00020;background:#fff}
  dt{color:#555;font-size:.875rem}dd{margin:0 0 .5rem}
  label{display:block;margin:.75rem 0 .25rem}
`
/** Has no `form-action`, because a browser would apply it to the redirect back to the portal and block it. */
const styleHash = createHash('sha256').update(style).digest('base64')
export const contentPolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; frame-ancestors 'none'`

function page({ title, english, body }: { title: string; english: string; body: Html }): Html {
  return html`<!doctype html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – MÔ PHỎNG</title>
<style>${raw(style)}</style>
</head>
<body>
<header>MÔ PHỎNG – KHÔNG PHẢI VNeID</header>
<main>
<h1>${title}</h1>
<p lang="en">${english}</p>
${body}
</main>
</body>
</html>`
}

const refuse = html`<form method="post"><button class="quiet" name="refuse" value="1">Từ chối</button></form>`

export const choosePage = ({ unknown }: { unknown: boolean }): Html =>
  page({
    title: 'Chọn công dân',
    english: 'Simulation: choose a made-up citizen, in place of scanning the QR code.',
    body: html`${unknown && html`<p role="alert">Không có công dân này. Vui lòng nhập lại.</p>`}
<form method="post">
<label for="citizen">Số định danh cá nhân</label>
<input type="text" id="citizen" name="citizen" required maxlength="20" autocomplete="off">
<button class="main">Tiếp tục</button>
</form>
<p>Hoặc chọn, thay cho bước quét mã QR:</p>
<form method="post"><ul>${citizens.map(
      ({ key, name, number, note }) =>
        html`<li><button name="citizen" value="${key}">${name}<small>${number}${note && ` · ${note}`}</small></button></li>`,
    )}</ul></form>
${refuse}`,
  })

export const consentPage = ({ citizen }: { citizen: Citizen }): Html =>
  page({
    title: 'Chia sẻ thông tin',
    english: 'Simulation: agree to share this information with the gateway.',
    body: html`<dl>
<dt>Họ và tên</dt><dd>${citizen.name}</dd>
<dt>Số định danh</dt><dd>${citizen.number}</dd>
${citizen.birthDate && html`<dt>Ngày sinh</dt><dd>${citizen.birthDate.split('-').toReversed().join('/')}</dd>`}
${citizen.level && html`<dt>Mức độ định danh</dt><dd>0${citizen.level}</dd>`}
${citizen.organisation && html`<dt>Tổ chức</dt><dd>${citizen.organisation.name}</dd>`}
</dl>
<form method="post">
<input type="hidden" name="citizen" value="${citizen.key}">
<label><input type="checkbox" name="agreed" value="1" required> Tôi đồng ý chia sẻ thông tin trên</label>
<button class="main">Xác nhận chia sẻ</button>
</form>
${refuse}`,
  })

export const passcodePage = ({ citizen, wrong }: { citizen: Citizen; wrong: boolean }): Html =>
  page({
    title: 'Nhập mật khẩu 6 số',
    english: 'Simulation: enter any six digits. Never type a real passcode.',
    body: html`${wrong && html`<p role="alert">Mật khẩu gồm đúng 6 chữ số.</p>`}
<form method="post">
<input type="hidden" name="citizen" value="${citizen.key}">
<input type="hidden" name="agreed" value="1">
<label for="passcode">Sáu chữ số bất kỳ (không dùng mật khẩu thật)</label>
<input type="text" id="passcode" name="passcode" required inputmode="numeric" pattern="[0-9]{6}" maxlength="6"
 autocomplete="off">
<button class="main">Xác nhận</button>
</form>
${refuse}`,
  })

export const waitingPage = (): Html =>
  page({
    title: 'Đang chờ xác nhận trên điện thoại',
    english: 'Simulation: this citizen left; this page will not continue.',
    body: html`<p>Công dân này đã bỏ đi. Trang này sẽ không tiếp tục.</p>`,
  })

export const errorPage = ({ error, description }: { error: string; description: string }): Html =>
  page({
    title: 'Yêu cầu không hợp lệ',
    english: 'Simulation: the request that brought you here cannot be served.',
    body: html`<p role="alert">${error}: ${description}</p>`,
  })

export const signedOutPage = (): Html =>
  page({
    title: 'Đã đăng xuất',
    english: 'Simulation: you are signed out.',
    body: html`<p>Ông/Bà đã đăng xuất khỏi trang mô phỏng.</p>`,
  })
