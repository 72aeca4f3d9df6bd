import { metricWords, percent, whole } from "../format.ts";
import { Html, html } from "../html.ts";
import type { NetworkReport, ReportData } from "../types.ts";

/** Confusion matrices, one shown at a time, chosen by radio buttons so that it works by keyboard and without scripts. */
export function confusion(data: ReportData): Html | null {
  const networks = data.networks.filter((network) => network.metrics.confusion.length > 0);
  if (networks.length === 0 || data.classes.length === 0) return null;
  const first = Math.max(
    0,
    networks.findIndex((network) => network.role === "ours"),
  );
  const rules = networks.map(
    (_, i) =>
      `#cm${i}:checked~.panels>#cp${i}{display:block}#cm${i}:checked~.tabs>[for=cm${i}]{background:var(--ink);color:var(--paper)}#cm${i}:focus-visible~.tabs>[for=cm${i}]{outline:3px solid var(--focus);outline-offset:2px}`,
  );
  const counted =
    data.task === "classify"
      ? "Each cell holds a number of test images"
      : "Each cell holds the per cent of the true class's pixels";
  return html`<p class="lead">${counted}; a row is a true class, a column a predicted one. Colour is the share of the row: blue where it is right; orange where it is wrong, in steps that let small shares show.</p>
<style>${new Html(rules.join(""))}</style>
<fieldset class="switch"><legend class="hidden">Network</legend>
${networks.map((_, i) => html`<input type="radio" name="cm" id="cm${i}"${i === first && new Html(" checked")}>`)}
<div class="tabs">${networks.map((network, i) => html`<label for="cm${i}">${network.title}</label>`)}</div>
<div class="panels">${networks.map((network, i) => html`<div id="cp${i}">${matrix(data, network)}</div>`)}</div>
</fieldset>`;
}

function matrix(data: ReportData, { title, metrics }: NetworkReport): Html {
  const sums = metrics.confusion.map((row) => row.reduce((sum, value) => sum + value, 0));
  const share = (truth: number, predicted: number) =>
    sums[truth] > 0 ? metrics.confusion[truth][predicted] / sums[truth] : 0;
  const cell = (value: number, i: number, j: number) => {
    const level = Math.round((i === j ? share(i, j) : Math.sqrt(share(i, j))) * 10);
    const shown = data.task === "classify" ? String(value) : String(Math.round(share(i, j) * 100));
    return html`<td class="${i === j ? "r" : "w"}${level}">${value > 0 ? shown : html`<i>0</i>`}</td>`;
  };
  return html`<div class="beside"><div class="scroll matrix${data.classes.length > 14 && " dense"}" tabindex="0" role="region" aria-label="Confusion matrix of ${title}"><table>
<caption class="hidden">Confusion matrix of ${title}: rows are true classes, columns predicted classes</caption>
<thead><tr><th scope="col" class="corner">true ↓ predicted →</th>${data.classes.map((name) => html`<th scope="col"><span>${name}</span></th>`)}</tr></thead>
<tbody>${metrics.confusion.map((row, i) => html`<tr><th scope="row">${data.classes[i]}</th>${row.map((value, j) => cell(value, i, j))}</tr>`)}</tbody>
</table></div>${mistakes(data, metrics.confusion, share)}</div>`;
}

function mistakes(data: ReportData, counts: number[][], share: (i: number, j: number) => number): Html | null {
  const pairs = counts
    .flatMap((row, i) => row.map((value, j) => ({ i, j, value })))
    .filter(({ i, j, value }) => i !== j && value > 0);
  if (pairs.length === 0) return null;
  const most = pairs.sort((a, b) => b.value - a.value).slice(0, 6);
  return html`<div class="mistakes"><h3>Most frequent mistakes</h3><ol>${most.map(
    ({ i, j, value }) =>
      html`<li><b>${data.classes[i]}</b> taken for <b>${data.classes[j]}</b><br><small>${whole(value)} ${metricWords(data.task).unit}, ${percent(share(i, j))} of ${data.classes[i]}</small></li>`,
  )}</ol></div>`;
}
