/** Colors follow the reader's system. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --surface: #ffffff; --ink: #1c1c1a; --quiet: #6b6b66; --line: #e3e3df;
  --first: #2563c9; --second: #c2620a; --good: #1a7f4b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #161615; --surface: #1f1f1d; --ink: #ececea; --quiet: #a0a09a; --line: #35352f;
    --first: #7aa7ff; --second: #f0a04b; --good: #5cc48d;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 20px 80px; }
h1 { font-size: 24px; margin: 0 0 4px; }
h2 { font-size: 19px; margin: 44px 0 12px; padding-bottom: 6px; border-bottom: 1px solid var(--line); }
h3 { font-size: 15px; margin: 24px 0 8px; }
p { margin: 6px 0; }
.quiet, figcaption span { color: var(--quiet); }
.facts { display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 14px 0 0; padding: 0; list-style: none; }
.facts b { font-weight: 600; }
.done { color: var(--good); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 16px; }
figure { margin: 0; padding: 12px 12px 6px; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; }
figcaption { display: flex; justify-content: space-between; gap: 8px; font-weight: 600; font-size: 14px; }
figcaption span { font-weight: 400; font-variant-numeric: tabular-nums; }
.plot { height: 190px; }
.u-legend { display: none; }
.keys { font-size: 12px; color: var(--quiet); min-height: 18px; }
.keys i { display: inline-block; width: 14px; height: 3px; margin: 0 5px 3px 0; border-radius: 2px; }
.keys span { margin-right: 14px; }
.scroll { overflow-x: auto; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 7px 12px; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th { font-weight: 600; color: var(--quiet); white-space: nowrap; }
.numbers td:not(:first-child), .numbers th:not(:first-child) { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.texts td { white-space: pre-wrap; min-width: 90px; max-width: 420px; overflow-wrap: break-word; }
.texts td:first-child { min-width: 190px; }
details { margin: 14px 0; }
summary { cursor: pointer; color: var(--quiet); margin-bottom: 10px; }
pre { margin: 0; padding: 14px; overflow-x: auto; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; font: 12.5px/1.5 ui-monospace, monospace; }
`;
