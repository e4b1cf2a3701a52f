/** Style sheet of a report. Text has a contrast of at least 4.5 with the page; the element with the focus has an outline. */
import { ink } from './option';
import { schemes } from './palette';

const { light, dark } = schemes;

/** Source of the style sheet. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ink: ${light.ink}; --paper: ${light.paper}; --soft: #5a626b; --line: #c9ced4; --shade: #f3f5f7; --link: #1a5fb4;
  font: 1rem/1.55 system-ui, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: ${dark.ink}; --paper: ${dark.paper}; --soft: #a3abb5; --line: #454c55; --shade: #1e2329; --link: #8ab8f5; }
}
@media print {
  :root {
    color-scheme: light;
    --ink: #000; --paper: #fff; --soft: #444; --line: #999; --shade: #fff; --link: #000;
  }
  nav, details, #hint, input, button, label:has(input:not(:checked)), .skip { display: none !important; }
  section, figure, tr { break-inside: avoid; }
}
* { box-sizing: border-box; }
body { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 0.75rem; }
section { margin: 2.75rem 0; scroll-margin-top: 1rem; }
a { color: var(--link); }
.lead, .note, figcaption { max-width: 46rem; }
.note, figcaption, caption { color: var(--soft); font-size: 0.9rem; }
.skip { position: absolute; left: -100vw; padding: 0.4rem 0.8rem; background: var(--paper); border: 2px solid var(--link); }
.skip:focus { left: 1rem; top: 0.5rem; z-index: 1; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
main:focus { outline: none; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.3rem 1.25rem; padding: 0; margin: 1rem 0; list-style: none; }
.scroll { overflow: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.95rem; }
caption { text-align: left; padding-bottom: 0.35rem; }
th, td { padding: 0.3rem 1.1rem 0.3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tbody th { font-weight: 500; }
thead th { border-bottom: 2px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
#settings td { overflow-wrap: anywhere; }
figure { margin: 0; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); gap: 0.75rem; padding: 0; list-style: none; }
.gallery li { display: flex; flex-direction: column; gap: 0.2rem; font-size: 0.8rem; line-height: 1.3; overflow-wrap: anywhere; break-inside: avoid; }
.gallery img { width: 100%; height: auto; image-rendering: pixelated; background: var(--shade); }
details .scroll { max-height: 26rem; }
details thead th { position: sticky; top: 0; background: var(--paper); }
.plot > svg { display: block; width: 100%; height: auto; }
.plot [fill="${ink}"] { fill: var(--ink); }
.plot [stroke="${ink}"] { stroke: var(--ink); }
.tip { max-width: calc(100vw - 3rem); font-size: 0.85rem; }
.tip div { display: flex; align-items: center; gap: 0.5rem; white-space: nowrap; }
.tip div :last-child { margin-left: auto; padding-left: 0.75rem; font-variant-numeric: tabular-nums; }
/* Text for screen readers only: the page shows the same in another way. */
.heard, h2 + .scroll caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
fieldset { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 0.5rem 0 1rem; padding: 0.25rem 0; border: 0; }
fieldset[hidden] { display: none; }
label { display: inline-flex; align-items: center; gap: 0.4rem; min-height: 1.75rem; }
label:has(input:not(:checked)) { color: var(--soft); }
input { width: 1rem; height: 1rem; margin: 0; accent-color: var(--link); }
button { font: inherit; font-size: 0.9rem; padding: 0.1rem 0.7rem; color: var(--ink); background: var(--shade); border: 1px solid var(--line); border-radius: 4px; }
summary { cursor: pointer; margin: 0.5rem 0; color: var(--link); }
`;
