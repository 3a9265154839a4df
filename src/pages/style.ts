import { createHash } from 'node:crypto'

// System fonts; tap targets of at least 44 px; every pair of colours meets WCAG AA at least, in dark mode too.
const source = `
:root {
  color-scheme: light dark;
  --ground: #f3f1ed; --card: #fff; --text: #1f2328; --quiet: #565d66; --line: #dcd8d0; --tint: #faf5ee;
  --brand: #a3191e; --brand-deep: #82131a; --on-brand: #fff; --link: #8f161b; --focus: #1f5fd0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131518; --card: #1d2024; --text: #ecebe8; --quiet: #b2b7be; --line: #3a3f46; --tint: #282a2e;
    --brand: #b9262c; --brand-deep: #cc3238; --link: #ffb3ad; --focus: #8fb8ff;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; min-height: 100vh; display: flex; flex-direction: column;
  background: var(--ground); color: var(--text); overflow-wrap: anywhere;
  font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif;
}
a { color: var(--link); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 3px; border-radius: 4px; }
header { border-top: 4px solid var(--brand); border-bottom: 1px solid var(--line); background: var(--card); }
header div, main, footer { width: 100%; max-width: 38rem; margin: 0 auto; padding: 0 1rem; }
header div {
  display: flex; align-items: center; justify-content: space-between; gap: .75rem; min-height: 3.75rem;
}
.name { display: flex; align-items: center; gap: .625rem; font-weight: 600; line-height: 1.25; }
.name svg { flex: none; width: 2rem; height: 2rem; fill: var(--brand); }
.name path + path { fill: none; stroke: #fff; stroke-width: 2.5; stroke-linecap: round; }
.switch { flex: none; }
.switch, .call { display: inline-flex; align-items: center; min-height: 44px; white-space: nowrap; }
main { flex: 1; padding-top: 1.25rem; padding-bottom: 1.25rem; }
article {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem;
  box-shadow: 0 1px 2px rgb(0 0 0 / .04), 0 8px 24px rgb(0 0 0 / .05);
}
h1 { margin: 0 0 .875rem; font-size: 1.4375rem; line-height: 1.3; text-wrap: pretty; }
h2 { margin: 0 0 .25rem; font-size: 1.0625rem; }
p { margin: 0 0 1rem; }
ul { margin: 0 0 1rem; padding-left: 1.25rem; }
li { margin: .375rem 0; }
li::marker { color: var(--brand); }
.portal { margin: 0 0 1rem; padding-left: .875rem; border-left: 4px solid var(--brand); }
.portal span { display: block; color: var(--quiet); font-size: .9375rem; }
.portal bdi { font-weight: 600; font-size: 1.125rem; line-height: 1.4; }
.quiet { color: var(--quiet); font-size: .9375rem; }
.box {
  margin: 0 0 1rem; padding: .875rem 1rem;
  background: var(--tint); border: 1px solid var(--line); border-radius: 8px;
}
.box > :last-child, article > :last-child { margin-bottom: 0; }
dl { margin: 0; }
dt { color: var(--quiet); font-size: .9375rem; }
dd { margin: 0 0 .5rem; font: 600 1rem/1.5 ui-monospace, Consolas, monospace; user-select: all; white-space: pre-wrap; }
dd.words { font-family: inherit; }
dd:last-child { margin: 0; }
label { display: block; font-weight: 600; }
input.code {
  width: 100%; min-height: 52px; padding: .5rem .75rem; border: 1px solid var(--quiet); border-radius: 8px;
  background: var(--card); color: var(--text); font: inherit; text-transform: uppercase;
}
.code { font-family: ui-monospace, Consolas, monospace; font-size: 1.5rem; letter-spacing: .08em; }
.actions { display: grid; gap: .75rem; margin-top: 1.25rem; }
.button {
  display: flex; align-items: center; justify-content: center;
  width: 100%; min-height: 52px; padding: .625rem 1rem;
  border: 2px solid var(--brand); border-radius: 8px; background: var(--brand); color: var(--on-brand);
  font: inherit; font-weight: 600; line-height: 1.3; text-align: center; text-decoration: none;
  cursor: pointer;
}
.button:hover { background: var(--brand-deep); border-color: var(--brand-deep); }
.button.plain { background: transparent; border-color: var(--quiet); border-width: 1px; color: var(--text); }
.button.plain:hover { background: var(--tint); }
footer { padding-bottom: 1.25rem; color: var(--quiet); text-align: center; font-size: .9375rem; }
footer p { margin: 0; }
.call { padding: 0 .25rem; font-weight: 600; }
@media (min-width: 40rem) {
  main { padding-top: 3rem; }
  article { padding: 2rem 2.25rem 2.25rem; }
  h1 { font-size: 1.75rem; }
  .actions { grid-auto-flow: column; grid-auto-columns: 1fr; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; align-items: baseline; }
  dd { margin: 0; }
}
@media print {
  body { background: #fff; color: #000; }
  .actions, .switch { display: none; }
  header, article, .box { border-color: #999; box-shadow: none; }
}
`

/** The style sheet, inline in every page, so that a slow connection has nothing else to load. */
export const style = source.replaceAll(/\s*\n\s*/g, '').replaceAll(/\s*([{};,])\s*/g, '$1')

/** Hash of the style sheet for the Content-Security-Policy, instead of 'unsafe-inline'. */
export const styleHash = `sha256-${createHash('sha256').update(style).digest('base64')}`
