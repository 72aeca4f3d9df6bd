import { paletteCss } from "../palette.ts";

// Inks on papers keep at least 4.5:1, marks at least 3:1; a test computes them.
const LIGHT =
  "--paper:#faf9f6;--card:#fff;--ink:#1d1c1a;--muted:#5f5b54;--rule:#e2ded5;--soft:#f0ede6;--focus:#1d5fc4;--good:#24713f;--bad:#b3321d;--hit:104 166 250;--miss:251 155 84";
const DARK =
  "--paper:#131417;--card:#1b1d21;--ink:#ece9e3;--muted:#a9a59d;--rule:#34363c;--soft:#25272c;--focus:#8ab8ff;--good:#6fcf93;--bad:#ff9a85;--hit:36 98 196;--miss:176 78 20";

/** The tokens of one theme: "0" is light, "1" is dark. */
export function tokens(theme: 0 | 1): string {
  return `color-scheme:${theme ? "dark" : "light"};${theme ? DARK : LIGHT};${paletteCss(theme)}`;
}

/** How strongly row shares 0, 0.1 ... 1 tint a cell; the ink stays readable on the strongest. */
const TINTS = Array.from({ length: 11 }, (_, level) =>
  ["r", "w"]
    .map(
      (kind) =>
        `.matrix .${kind}${level}{background:rgb(var(--${kind === "r" ? "hit" : "miss"})/${(level * 0.09).toFixed(3)})}`,
    )
    .join(""),
).join("\n");

/** The style sheet of the page, without any outside font or picture. */
export function styleSheet(): string {
  return `:root{${tokens(0)}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${tokens(1)}}}
:root[data-theme=dark]{${tokens(1)}}
${BASE}
${PARTS}
${CHARTS}
${COMPARE}
${TINTS}
${PRINT}`;
}

const BASE = `
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth;scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,header,footer{max-width:68rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:3rem;position:relative}
h1{font-size:clamp(1.7rem,4.5vw,2.5rem);line-height:1.15;letter-spacing:-.022em;margin:0 0 .4rem;max-width:22em;overflow-wrap:anywhere}
h2{font-size:1.35rem;letter-spacing:-.012em;line-height:1.25;margin:0 0 .7rem}
h3{font-size:1rem;line-height:1.3;margin:1.6rem 0 .6rem}
p{margin:0 0 .8rem;max-width:44em}
.subtitle{font-size:1.1rem;color:var(--muted);max-width:40em}
.meta,.small,.lead,small{color:var(--muted)}
.meta,.small,small{font-size:.85rem;font-weight:400}
.lead{font-size:.95rem}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:1.2rem 0 0;padding:.75rem 0;border:solid var(--rule);border-width:1px 0;font-size:.9rem}
a{color:inherit;text-underline-offset:.2em;text-decoration-color:var(--muted)}
a:hover{text-decoration-thickness:2px}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px;border-radius:3px}
section{padding:2.6rem 0 0}
ul,dl,dd{margin:0;padding:0}
button{font:inherit;color:inherit}
.hidden{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:1.5rem;top:-4rem;background:var(--ink);color:var(--paper);padding:.5rem .9rem;border-radius:.4rem;z-index:2}
.skip:focus{top:.6rem}
.theme{position:absolute;right:1.5rem;top:1rem;border:1px solid var(--rule);background:var(--card);border-radius:2rem;padding:.25rem .8rem;font-size:.85rem;cursor:pointer}
.scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:.6rem;background:var(--card)}
table{border-collapse:collapse;font-size:.88rem}
.numbers{width:100%}
.numbers th,.numbers td{padding:.5rem .75rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}
.numbers thead th{color:var(--muted);font-weight:500;font-size:.82rem;line-height:1.25;vertical-align:bottom;white-space:normal}
.numbers tbody tr:last-child>*{border-bottom:0}
.numbers th:first-child,.numbers .text{text-align:left}
.numbers th:first-child{position:sticky;left:0;background:var(--card)}
.numbers th[scope=row]{font-weight:600}
.numbers .ours>*,.numbers .ours>th:first-child{background:var(--soft)}
.scroll+.small{margin-top:.6rem}
details{margin-top:1.1rem}
summary{cursor:pointer;font-size:.92rem;color:var(--muted);padding:.3rem 0}
details[open]>summary{margin-bottom:.5rem}
footer{padding-top:3rem;padding-bottom:3rem;color:var(--muted);font-size:.85rem}
@media (max-width:40rem){main,header,footer{padding-left:1rem;padding-right:1rem}header{padding-top:3.6rem}.theme{right:1rem}section{padding-top:2.1rem}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}`;

const PARTS = `
.mark{width:.78em;height:.78em;fill:var(--c);stroke:var(--c);stroke-width:0;flex:none;vertical-align:-.02em;overflow:visible}
.mark .ring{fill:none;stroke-width:2.2}
.headline{margin-top:1.5rem}
.headline p{font-size:clamp(1.1rem,2.6vw,1.35rem);line-height:1.45;max-width:38em}
.cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));margin-top:1.4rem}
.card,.sample,figure[data-chart]{background:var(--card);border:1px solid var(--rule);border-radius:.8rem;padding:1.15rem 1.25rem;min-width:0}
.card h3{margin:0;color:var(--muted);font-weight:500;font-size:.92rem}
.big{margin:.15rem 0 .5rem}
.big b{font-size:2.9rem;line-height:1.1;letter-spacing:-.035em;font-weight:650}
.big span{color:var(--muted);margin-left:.2rem}
.facts{display:flex;flex-wrap:wrap;gap:.5rem 2.2rem}
.facts div{display:flex;flex-direction:column-reverse}
.facts dt{font-size:.82rem;color:var(--muted)}
.facts dd{font-size:1.25rem;font-weight:600;letter-spacing:-.01em}
.strip{position:relative;height:1.5rem;margin:1.1rem .5rem .35rem}
.strip::before{content:"";position:absolute;inset:50% 0 auto;border-top:2px solid var(--rule)}
.strip .gained{position:absolute;top:calc(50% - 2px);height:6px;border-radius:3px}
.at{position:absolute;top:50%;transform:translate(-50%,-50%);line-height:0;font-size:1.2rem}
.strip .at{font-size:1.35rem}
.strip .ring{fill:var(--card)}
.key{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;font-size:.85rem;margin-bottom:.6rem}
.swatch{width:.85em;height:.85em;border-radius:2px;vertical-align:-.08em;flex:none;outline:1px solid var(--rule)}
.card .key{margin-bottom:.7rem}
.card .small{margin:0}
.bars{list-style:none;display:grid;gap:.85rem}
.bars li{display:grid;grid-template-columns:minmax(9rem,15rem) 1fr 4.2rem;gap:0 1rem;align-items:center}
.bars .name{line-height:1.3;overflow-wrap:anywhere}
.role{font-style:normal;font-size:.75rem;color:var(--muted);border:1px solid var(--rule);border-radius:1rem;padding:.05rem .5rem;white-space:nowrap;display:inline-block}
.track{position:relative;display:grid;gap:3px;background:linear-gradient(90deg,var(--rule) 1px,transparent 1px) 0 0/20% 100%;border-right:1px solid var(--rule);padding:3px 0}
.track i{display:block;background:var(--c);border-radius:0 3px 3px 0}
.track .thick{height:16px}
.track .thin{height:6px;opacity:.62}
.track .whisker,.track .base{position:absolute;border-radius:0;background:none}
.track .whisker{top:10px;height:2px;background:var(--ink);box-shadow:0 0 0 1px var(--paper)}
.track .base{top:-4px;bottom:-4px;border-left:2px dashed var(--ink);opacity:.65}
.values{display:grid;line-height:1.2;text-align:right}
.values>span:not(.hidden){font-size:.8rem;color:var(--muted)}
.roles{margin-top:1.6rem;display:grid;gap:.3rem 2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));font-size:.85rem;color:var(--muted)}
.roles div{display:flex;gap:.6rem}
.roles dt{flex:none;width:7.2rem;color:var(--ink)}
.dots{display:grid;gap:0;margin-top:.6rem}
.dot-row{display:grid;grid-template-columns:minmax(6.5rem,11rem) 1fr;gap:1rem;align-items:center;min-height:1.75rem;font-size:.9rem}
.dot-row .name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;text-align:right}
.dot-row .line{position:relative;height:100%;margin:0 .5rem;background:linear-gradient(90deg,var(--rule) 1px,transparent 1px) 0 0/25% 100%;border-right:1px solid var(--rule)}
.dot-row .line::before{content:"";position:absolute;inset:50% 0 auto;border-top:1px solid var(--rule)}
.dot-row .at{font-size:.92rem}
.dot-row .mark{stroke:var(--paper);stroke-width:1;paint-order:stroke}
.dot-row .mark .ring{stroke:var(--c);stroke-width:2.2}
.axis .line{background:none;border:0}
.axis .line::before{display:none}
.axis .line span{position:absolute;transform:translateX(-50%);color:var(--muted);font-size:.75rem}
.switch{border:0;margin:0;padding:0;min-width:0;position:relative}
.switch input{position:absolute;opacity:0;pointer-events:none}
.tabs{display:flex;flex-wrap:wrap;gap:.4rem;margin-bottom:.9rem}
.tabs label{border:1px solid var(--rule);background:var(--card);border-radius:2rem;padding:.3rem .9rem;font-size:.9rem;cursor:pointer}
.panels>div{display:none}
.matrix{width:fit-content;max-width:100%;padding:.6rem;margin-bottom:.7rem}
.matrix table{border-collapse:separate;border-spacing:2px}
.matrix td{min-width:2.6rem;height:2.2rem;text-align:center;border-radius:3px;padding:0 .25rem}
.matrix td i{color:var(--muted);font-style:normal}
.matrix th{font-weight:500;font-size:.82rem}
.matrix th[scope=row]{text-align:right;padding-right:.6rem;white-space:nowrap;position:sticky;left:-.6rem;background:var(--card);z-index:1}
.matrix thead th{vertical-align:bottom;padding-bottom:.3rem}
.matrix thead span{writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap}
.matrix .corner{color:var(--muted);font-size:.75rem;font-weight:400;text-align:right;padding-right:.6rem;white-space:nowrap;position:sticky;left:-.6rem;background:var(--card);z-index:1}
.beside{display:flex;flex-wrap:wrap;gap:0 2.4rem}
.mistakes{flex:1 1 15rem}
.mistakes h3{margin-top:.4rem}
.mistakes ol{columns:15rem;padding-left:1.2rem;font-size:.9rem;line-height:1.35}
.mistakes li{break-inside:avoid;margin-bottom:.45rem}
.dense td{min-width:1.75rem;height:1.5rem;font-size:.72rem;padding:0}
.dense th{font-size:.75rem}
.dense table{border-spacing:1px}
.samples{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,27rem),1fr))}
.samples.maps{grid-template-columns:1fr}
.maps .images{grid-template-columns:repeat(auto-fill,minmax(7.2rem,1fr))}
.sample h3{margin:0 0 .7rem;overflow-wrap:anywhere}
.sample h3 small{display:block}
.images{display:grid;gap:.6rem;grid-template-columns:repeat(auto-fit,minmax(5.4rem,1fr))}
.images figure{margin:0}
.images img{display:block;width:100%;height:auto;image-rendering:pixelated;border-radius:.3rem;background:var(--soft)}
.images figcaption{font-size:.78rem;line-height:1.3;color:var(--muted);margin-top:.25rem}
.said{list-style:none;margin-top:.9rem;font-size:.88rem;display:grid;gap:.25rem}
.said li{display:grid;grid-template-columns:1rem minmax(0,1.4fr) minmax(0,1fr) 3rem 2.6rem;gap:.5rem;align-items:center;line-height:1.3}
.said b,.said .who{overflow-wrap:anywhere}
.said .mark{margin-right:.2em}
.said .share{text-align:right}
.sign{width:1rem;height:1rem;fill:none;stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}
.right .sign{stroke:var(--good)}.wrong .sign{stroke:var(--bad)}
.right b{color:var(--good)}.wrong b{color:var(--bad)}
.chance{height:5px;background:var(--rule);border-radius:3px;overflow:hidden}
.chance i{display:block;height:100%;background:var(--muted)}
.pairs{display:grid;gap:0 2.4rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));font-size:.9rem}
.pairs div{display:flex;justify-content:space-between;gap:1rem;border-bottom:1px solid var(--rule);padding:.35rem 0}
.pairs dt{color:var(--muted)}
.pairs dd{text-align:right;overflow-wrap:anywhere}
.command{position:relative}
pre{margin:0;overflow-x:auto;background:var(--soft);border:1px solid var(--rule);border-radius:.6rem;padding:.9rem 5rem .9rem 1rem;font:.88rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.copy{position:absolute;right:.6rem;top:.55rem;border:1px solid var(--rule);background:var(--card);border-radius:.4rem;padding:.15rem .7rem;font-size:.82rem;cursor:pointer}
.notes{padding-left:1.1rem}
.notes li{margin-bottom:.4rem;max-width:44em}
@media (max-width:40rem){.said li{grid-template-columns:1rem minmax(0,1.4fr) minmax(0,1fr) 2.6rem}.chance{display:none}.images{grid-template-columns:1fr 1fr}.maps .images{grid-template-columns:1fr 1fr}.numbers th[scope=row]{white-space:normal;min-width:7.5rem;max-width:8.5rem}.bars li{grid-template-columns:1fr 3.6rem}.bars .name{grid-column:1/-1;margin-bottom:.15rem}.card,.sample,figure[data-chart]{padding:1rem}.dot-row{grid-template-columns:6.5rem 1fr;gap:.5rem;font-size:.8rem}.dot-row small{display:none}.roles dt{width:6.4rem}}`;

// The few rules that uPlot's own style sheet needs for a chart without legend, in our colours.
const CHARTS = `
.charts{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
figure[data-chart]{margin:0}
figcaption .epoch{float:right}
.plot{height:230px;margin:.6rem -.3rem .4rem}
.u-wrap{position:relative;user-select:none}
.u-over,.u-under{position:absolute}
.u-under{overflow:hidden}
.uplot canvas{display:block;position:relative;width:100%;height:100%}
.u-axis,.u-select,.u-cursor-x,.u-cursor-y,.u-cursor-pt{position:absolute;pointer-events:none}
.u-cursor-x,.u-cursor-y,.u-cursor-pt{left:0;top:0}
.u-cursor-pt{border:0 solid;border-radius:50%}
.u-cursor-x{height:100%;border-right:1px solid var(--muted)}
.u-cursor-y,.u-select,.u-off{display:none}
.stroke{width:1.65rem;height:.5rem;flex:none;stroke:var(--c);stroke-width:2.4;fill:none}
.legend{display:flex;flex-wrap:wrap;gap:.15rem .35rem}
.legend button{display:inline-flex;align-items:center;gap:.45rem;border:1px solid transparent;background:none;border-radius:.4rem;padding:.12rem .4rem;font-size:.82rem;cursor:pointer}
.legend button:hover{border-color:var(--rule)}
.legend span{text-align:left}
.legend b{font-weight:600;min-width:3.1em;text-align:left}
.legend [aria-pressed=false]{text-decoration:line-through;color:var(--muted)}
.legend [aria-pressed=false] .stroke{opacity:.3}`;

const COMPARE = `
h4{font-size:.92rem;margin:1.2rem 0 .3rem;font-weight:600}
.findings{list-style:none;margin-top:1rem;font-size:.92rem;display:grid;gap:.45rem}
.rows{list-style:none;margin-top:.4rem}
.rows li{display:grid;grid-template-columns:minmax(9rem,15rem) 1fr minmax(7.5rem,max-content);gap:0 1rem;align-items:center;min-height:2.1rem;font-size:.92rem}
.forest li{grid-template-columns:minmax(9rem,15rem) 1fr minmax(9.5rem,max-content)}
.rows .name{text-align:right;line-height:1.25;overflow-wrap:anywhere}
.rows .line{position:relative;align-self:stretch;margin:0 .6rem}
.rows .said{display:block;margin:0;line-height:1.25}
.rows i{position:absolute;display:block}
.rows .tick{top:0;bottom:0;border-left:1px solid var(--rule)}
.rows .zero{top:0;bottom:0;border-left:2px solid var(--ink);margin-left:-1px}
.rows .whisker{top:50%;height:2px;margin-top:-1px;background:var(--c);min-width:2px}
.rows .whisker::before,.rows .whisker::after{content:"";position:absolute;top:-4px;height:10px;border-left:2px solid var(--c)}
.rows .whisker::after{right:0}
.rows .band{top:calc(50% - 7px);height:14px;background:var(--c);opacity:.2;border-radius:3px}
.rows .seed{top:50%;width:7px;height:7px;margin:-3.5px 0 0 -3.5px;border-radius:50%;background:var(--c);opacity:.5}
.rows .mean{position:static;width:10px;height:10px;transform:rotate(45deg);background:var(--c);box-shadow:0 0 0 1.5px var(--paper)}
.rows .mark{stroke:var(--paper);stroke-width:1;paint-order:stroke}
.rows .mark .ring{stroke:var(--c);stroke-width:2.2;fill:var(--paper)}
.rows .axis{min-height:1.3rem}
.verdict{font-size:.78rem;color:var(--muted);white-space:nowrap}
.verdict.up{color:var(--good)}.verdict.down{color:var(--bad)}
.scatter{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:.8rem;padding:1rem 1.6rem 2.2rem 1.1rem;min-width:0}
.field{position:relative;margin:1rem .6rem 0 3rem;border:solid var(--rule);border-width:0 0 1px 1px}
.field i{position:absolute}
.level{left:0;right:0;border-top:1px solid var(--rule)}
.pole{top:0;bottom:0;border-left:1px solid transparent}
.level span,.pole span{position:absolute;font-style:normal;font-size:.75rem;color:var(--muted);white-space:nowrap}
.level span{right:calc(100% + .4rem);transform:translateY(-50%)}
.pole span{top:calc(100% + .3rem);transform:translateX(-50%)}
.point{position:absolute;transform:translate(-50%,50%);line-height:0;font-size:1.15rem}
.label{position:absolute;transform:translate(.6rem,50%);line-height:1}
.charts+.key{margin-top:.8rem}
.methods th[scope=row]{white-space:normal;min-width:8.5rem}
@media (max-width:40rem){.rows li,.forest li{grid-template-columns:1fr max-content;padding-bottom:.35rem}.rows .name{text-align:left;grid-column:1;grid-row:1}.rows .said{grid-column:2;grid-row:1;text-align:right}.rows .line{grid-column:1/-1;height:1.6rem}.rows .axis{padding:0}.rows .axis>span:not(.line){display:none}.scatter{padding:.9rem .9rem 2rem .6rem}}`;

const PRINT = `
@media print{.theme,.skip,nav,.copy,.tabs{display:none}.panels>div{display:block!important}section{break-inside:auto}.card,.sample,figure[data-chart]{break-inside:avoid}}`;
