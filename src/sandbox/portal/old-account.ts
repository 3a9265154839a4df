/** The page where a citizen signs in to an old account, so that the portal can vouch for it. */
import { html } from '../../pages/html.ts'
import { page, type Place } from './pages.ts'

/** A real portal would check the old account's password here. This one has no passwords and accepts any account. */
export function oldAccountPage(place: Place, { isMissing = false } = {}): string {
  const title = 'Liên kết tài khoản cũ'
  return page(
    place,
    title,
    html`
<section>
<h1>${title}</h1>
<p>Ông/Bà đăng nhập lần cuối bằng tài khoản cũ tại cổng này, sau đó bằng VNeID, và được hỏi trước khi
hai tài khoản liên kết với nhau.</p>
<p role="status"><strong>Minh họa:</strong> cổng thật kiểm tra mật khẩu của tài khoản cũ ở bước này.
Trang này không hỏi mật khẩu và xem như đã kiểm tra.</p>
${isMissing && html`<p role="alert">Vui lòng nhập tên tài khoản cũ.</p>`}
<form method="post" action="/old-account">
<label>Tên tài khoản cũ
<input name="account" maxlength="256" autocomplete="off" autocapitalize="none" spellcheck="false" required></label>
<div class="actions"><button class="button">Liên kết bằng VNeID</button>
<a class="button plain" href="/">Bỏ qua</a></div>
</form>
</section>`,
  )
}
