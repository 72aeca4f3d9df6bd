import { percent } from "../format.ts";
import { Html, html } from "../html.ts";
import { pngDataUri } from "../image.ts";
import { classLegend } from "../labels.ts";
import { type Look, marker } from "../palette.ts";
import type { PredictionReport, ReportData, SampleReport } from "../types.ts";

const TICK = new Html(
  '<svg class="sign" viewBox="0 0 16 16" aria-hidden="true"><path d="M3 8.6 6.4 12 13 4.4"/></svg>',
);
const CROSS = new Html('<svg class="sign" viewBox="0 0 16 16" aria-hidden="true"><path d="m4 4 8 8m0-8-8 8"/></svg>');

/** What the samples of a report are shown with. */
export interface GalleryData extends Pick<ReportData, "task" | "classes" | "samples"> {
  networks: readonly { id: string; title: string }[];
}

/** Test samples with their pictures and what each network said. */
export function gallery(data: GalleryData, looks: Map<string, Look>): Html | null {
  if (data.samples.length === 0) return null;
  return html`<p class="lead">Depth is coloured from near (bright) to far (dark); hatched pixels were not measured.</p>
${data.task === "segment" && data.classes.length > 0 && classLegend(data.classes)}
<div class="samples${data.task === "segment" && " maps"}">${data.samples.map((sample) => card(data, sample, looks))}</div>`;
}

function card(data: GalleryData, { name, truth, images, predictions }: SampleReport, looks: Map<string, Look>): Html {
  return html`<article class="sample"><h3>${truth} <small>${name}</small></h3>
<div class="images">${images.map(
    (image) =>
      html`<figure><img src="${pngDataUri(image)}" width="${image.width}" height="${image.height}" alt="${image.caption} of ${name}"><figcaption>${image.caption}</figcaption></figure>`,
  )}</div>
${predictions.length > 0 && html`<ul class="said">${predictions.map((prediction) => said(data, prediction, looks))}</ul>`}</article>`;
}

function said(
  data: GalleryData,
  { network, predicted, probability, correct }: PredictionReport,
  looks: Map<string, Look>,
): Html {
  const look = looks.get(network);
  const title = data.networks.find(({ id }) => id === network)?.title ?? network;
  const width = Number.isFinite(probability) ? Math.min(100, Math.max(0, probability * 100)).toFixed(1) : "0";
  return html`<li class="${correct ? "right" : "wrong"}">${correct ? TICK : CROSS}<span class="hidden">${correct ? "right: " : "wrong: "}</span><span class="who">${look && marker(look)} ${title}</span> <b>${predicted}</b> <span class="chance"><i style="width:${width}%"></i></span> <span class="share">${percent(probability, 0)}</span></li>`;
}
