/** The look of a report: no font, script or picture from elsewhere; light and dark; a phone's width and a desk's. */
export const STYLE = `
:root{color-scheme:light dark;
--paper:#fbfaf8;--card:#ffffff;--ink:#1c1917;--soft:#6b645d;--line:#e7e3dd;--accent:#0f766e;--tint:#e8f3f1;
--chart-ink:#57534e;--chart-grid:#ece9e4;--chart-data:#a8a29e;--chart-first:#0f766e;--chart-second:#c2410c;
--chart-third:#4f46e5;--chart-fourth:#a21caf;--chart-fifth:#a16207;--chart-sixth:#0369a1;
--chart-seventh:#be123c;--chart-eighth:#4d7c0f}
@media (prefers-color-scheme:dark){:root{
--paper:#141312;--card:#1c1a19;--ink:#ece8e3;--soft:#a39b92;--line:#322e2b;--accent:#5cc4b8;--tint:#18302d;
--chart-ink:#b3aaa1;--chart-grid:#2e2a27;--chart-data:#7b736c;--chart-first:#5cc4b8;--chart-second:#f0935f;
--chart-third:#98a2fb;--chart-fourth:#e48bea;--chart-fifth:#dcb950;--chart-sixth:#6cb8f0;
--chart-seventh:#fb7f95;--chart-eighth:#a6d35a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;-webkit-text-size-adjust:100%}
main,header,footer{max-width:880px;margin:0 auto;padding:0 24px}
header{padding-top:56px}
.kicker{margin:0 0 10px;color:var(--accent);font-weight:600;font-size:13px;letter-spacing:.08em;text-transform:uppercase}
h1{margin:0;font-size:clamp(28px,5.2vw,42px);line-height:1.12;letter-spacing:-.022em;font-weight:700;text-wrap:balance}
.lead{margin:14px 0 0;font-size:clamp(16px,2.2vw,19px);line-height:1.5;color:var(--soft);max-width:42em;text-wrap:pretty}
.made{display:flex;flex-wrap:wrap;gap:6px 18px;align-items:center;margin:22px 0 0;padding:0;list-style:none;font-size:14px;color:var(--soft)}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.9em;background:var(--tint);padding:.15em .45em;border-radius:5px;overflow-wrap:anywhere}
section{margin-top:52px}
h2{margin:0 0 6px;font-size:21px;line-height:1.3;letter-spacing:-.012em}
h3{margin:0 0 8px;font-size:14px;color:var(--soft);font-weight:600}
p{margin:8px 0;max-width:44em;text-wrap:pretty}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;margin-top:32px;background:var(--line);border:1px solid var(--line);border-radius:12px;overflow:hidden}
.tile{background:var(--card);padding:16px 18px}
.tile b{display:block;font-size:29px;line-height:1.15;font-weight:650;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tile span{display:block;font-size:14px;font-weight:600;margin-top:4px;overflow-wrap:anywhere}
.tile small{display:block;margin-top:3px;font-size:13px;line-height:1.4;color:var(--soft)}
figure{margin:16px 0 0}
figure img{display:block;max-width:100%;height:auto;margin:0 auto;border-radius:10px}
.frame{background:#181818;border-radius:12px;padding:8px;overflow:hidden}
.chart{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px 12px 10px}
.chart svg{display:block;margin:0 auto}
.chart .narrow{display:none}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:12px;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px}
.charts svg{width:100%;height:auto;max-width:420px;margin:0 auto}
figcaption,.fine{margin:10px 2px 0;font-size:14px;line-height:1.5;color:var(--soft);text-wrap:pretty}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:12px;background:var(--card);margin-top:16px}
table{border-collapse:collapse;width:100%;font-size:15px;font-variant-numeric:tabular-nums}
th,td{padding:10px 16px;text-align:right;vertical-align:top;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--soft);font-weight:600;font-size:13px;white-space:nowrap}
th:first-child,td:first-child,.prose{text-align:left}
tbody th{font-weight:600}
td small,th small{display:block;color:var(--soft);font-weight:400;font-size:13px;line-height:1.45}
details{font-weight:400;font-size:13px;color:var(--soft)}
summary{cursor:pointer}
details ul{margin:4px 0 0;padding-left:18px;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(260px,1fr));gap:16px;margin-top:16px;align-items:start}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px 18px;min-width:0}
.card.wide{grid-column:1/-1}
dl{margin:0;font-size:14px;line-height:1.45}
.wide dl{columns:2;column-gap:36px}
dl div{display:flex;gap:14px;justify-content:space-between;padding:4px 0;border-bottom:1px solid var(--line);break-inside:avoid}
dl div:last-child{border-bottom:0}
dt{color:var(--soft);overflow-wrap:break-word}
dd{margin:0;flex:1 0 auto;max-width:60%;text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.notes{margin:12px 0 0;padding-left:20px}
.notes li{margin:6px 0;max-width:44em}
footer{margin-top:56px;padding-top:18px;padding-bottom:48px;color:var(--soft);font-size:14px}
footer div{border-top:1px solid var(--line);padding-top:18px}
@media (max-width:560px){main,header,footer{padding-left:16px;padding-right:16px}header{padding-top:32px}section{margin-top:40px}
th,td{padding:9px 10px}.chart{padding:12px 4px 6px}.chart .wide{display:none}.chart .narrow{display:block}.wide dl{columns:1}
.tiles{grid-template-columns:repeat(2,1fr)}.tile{padding:13px 14px}.tile b{font-size:24px}.frame{padding:4px}}
@media print{body{background:#fff}section{break-inside:avoid}}
`.trim();
