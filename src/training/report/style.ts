/** The report's style: light and dark as the reader's system has it, one column on a telephone. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1d1c1a;--soft:#6b675f;--line:#e4e0d8;--c0:#2f6fde;--c1:#d9662b;--c2:#3a9a5f}
@media(prefers-color-scheme:dark){:root{--paper:#161614;--card:#1f1f1c;--ink:#eceae4;--soft:#a09b90;--line:#34332e;--c0:#7aa8ff;--c1:#ff9a62;--c2:#6fcf97}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main{max-width:1280px;margin:0 auto;padding:0 24px}
header{padding-top:36px}
.kind{margin:0;color:var(--soft);font-size:13px;letter-spacing:.08em;text-transform:uppercase}
h1{margin:0 0 14px;font-size:34px;line-height:1.15;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{margin:44px 0 6px;font-size:22px;letter-spacing:-.01em}
h3{margin:0;font-size:15px}
.note{margin:0 0 14px;color:var(--soft);font-size:14px}
.bar{height:6px;border-radius:3px;background:var(--line);overflow:hidden}
.bar i{display:block;height:100%;background:var(--c0)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:14px;margin:18px 0 0}
.facts dt{color:var(--soft);font-size:13px}
.facts dd{margin:0;font-size:17px;font-variant-numeric:tabular-nums}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(380px,100%),1fr));gap:16px}
article,figure{margin:0;padding:14px 16px;background:var(--card);border:1px solid var(--line);border-radius:10px}
article svg{display:block;width:100%;height:auto}
article .note{margin:8px 0 0;font-size:13px;line-height:1.4}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin:2px 0 8px;font-size:13px;color:var(--soft)}
.legend b{display:inline-block;width:14px;height:3px;margin-right:6px;border-radius:2px;vertical-align:middle;background:currentColor}
.legend .c0 b{color:var(--c0)}.legend .c1 b{color:var(--c1)}.legend .c2 b{color:var(--c2)}
.legend em{font-style:normal;color:var(--ink);font-variant-numeric:tabular-nums}
.grid{stroke:var(--line);stroke-width:1}
.tick{fill:var(--soft);font-size:13px;font-variant-numeric:tabular-nums}
.curve path{fill:none;stroke-linejoin:round}
.raw{stroke-width:1;opacity:.35}.mean{stroke-width:2.2}
.c0 path{stroke:var(--c0)}.c1 path{stroke:var(--c1)}.c2 path{stroke:var(--c2)}
.samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(320px,100%),1fr));gap:16px}
figure{padding:10px}
figure img{display:block;width:100%;height:auto;border-radius:6px;image-rendering:auto}
figcaption{margin-top:8px;color:var(--soft);font-size:14px;font-variant-numeric:tabular-nums}
.table{overflow-x:auto;border:1px solid var(--line);border-radius:10px;background:var(--card);margin-bottom:48px}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:7px 16px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
tr:last-child>*{border-bottom:0}
th{width:1%;white-space:nowrap;font-weight:500;color:var(--soft)}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
pre{margin:0;white-space:pre-wrap}
@media(max-width:600px){header,main{padding:0 14px}header{padding-top:22px}h1{font-size:27px}h2{margin-top:34px}th,td{padding:7px 10px}th{white-space:normal;overflow-wrap:anywhere;min-width:110px}}
`
