import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { percent } from "../../src/report/format.ts";
import { renderMarkdown, renderReport, renderSummary } from "../../src/report/index.ts";
import { classColour } from "../../src/report/labels.ts";
import type { ReportData } from "../../src/report/types.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import { syntheticReport } from "./fixture.ts";

/** The tags and comments of a page with their attribute names, but without values and text. */
function skeleton(page: string): string[] {
  const bare = page.replace(/<(script|style)\b([^>]*)>[\s\S]*?<\/\1>/g, "<$1$2></$1>");
  const value = /="[^"]*"|='[^']*'|=[^\s"'>]+/g;
  return [...bare.matchAll(/<[/!]?[a-z-](?:[^>"']|"[^"]*"|'[^']*')*>/gi)].map(([tag]) => tag.replace(value, "="));
}

function withoutScripts(page: string): string {
  return page.replace(/<script\b[^>]*>[\s\S]*?<\/script>/g, "");
}

/** Replaces every free text of a report. */
function withText(data: ReportData, text: (i: number) => string): ReportData {
  let next = 0;
  const other = () => text(next++);
  const id = new Map(data.networks.map((network, i) => [network.id, `${network.id}${text(i)}`]));
  const rename = (old: string) => id.get(old) as string;
  return {
    ...data,
    title: other(),
    subtitle: other(),
    created: other(),
    command: other(),
    adapter: other(),
    classes: data.classes.map(other),
    settings: { [`key ${other()}`]: other(), steps: 3 },
    networks: data.networks.map((network) => ({ ...network, id: rename(network.id), title: other() })),
    curves: data.curves.map((curve) => ({
      ...curve,
      network: rename(curve.network),
      losses: Object.fromEntries(
        Object.entries(curve.losses).map(([name, list]) => [
          `${name}${name in { task: 0, total: 0 } ? "" : text(0)}`,
          list,
        ]),
      ),
    })),
    samples: data.samples.map((sample) => ({
      name: other(),
      truth: other(),
      images: sample.images.map((image) => ({ ...image, caption: other() })),
      predictions: sample.predictions.map((said) => ({ ...said, network: rename(said.network), predicted: other() })),
    })),
    notes: data.notes.map(other),
  };
}

const HOSTILE = [
  '"><img src=x onerror=alert(1)>',
  "</script><script>alert(1)</script>",
  "' onmouseover='alert(1)",
  "<!--<script>",
  "</style><svg onload=alert(1)>",
  "&lt;b&gt; &amp; \u0000\u001b[31m\u2028",
  "</title></table></dl>]]>",
];

const page = renderReport(syntheticReport());
const json = (text: string) => JSON.parse(/id="report-data">(.*?)<\/script>/s.exec(text)?.[1] as string);

describe("the page", () => {
  test("shows every number of every network", () => {
    for (const { title, metrics } of syntheticReport().networks) {
      expect(page).toContain(title);
      for (const share of [metrics.top1, metrics.meanClass]) expect(page).toContain(`<td>${percent(share, 2)}</td>`);
      for (const share of metrics.perClass) expect(page).toContain(`<td>${percent(share)}</td>`);
      for (const row of metrics.confusion) {
        const cells = row.map((value) => `<td class="[rw]\\d+">${value > 0 ? value : "<i>0</i>"}</td>`).join("");
        expect(page).toMatch(new RegExp(cells));
      }
    }
  });

  test("shows settings, command, notes, adapter, date and each sample's pictures", () => {
    const data = syntheticReport();
    for (const text of [data.command, data.adapter, ...data.notes, "2026-11-23 12:30 UTC", "weight decay"])
      expect(page).toContain(text);
    const pictures = data.samples.flatMap(({ images }) => images).length;
    expect(
      page.match(/<img src="data:image\/png;base64,[A-Za-z0-9+/=]+" width="\d+" height="\d+" alt="[^"]+">/g),
    ).toHaveLength(pictures);
    const right = data.samples.flatMap(({ predictions }) => predictions).filter(({ correct }) => correct).length;
    expect(page.match(/<li class="right">/g)).toHaveLength(right);
  });

  test("is the same for the same data", () => {
    expect(renderReport(syntheticReport())).toBe(page);
  });

  test("carries its numbers as JSON, without pictures", () => {
    const data = syntheticReport();
    const read = json(page);
    expect(read.networks).toEqual(data.networks);
    expect(read.curves).toEqual(data.curves);
    expect(
      read.findings.map(({ seen, ours, baseline, upper }: Record<string, string>) => [seen, ours, baseline, upper]),
    ).toEqual([
      ["rgb", "one-stage-rgb", "rgb-only", "rgbd"],
      ["depth", "one-stage-depth", "depth-only", "rgbd"],
    ]);
    expect(JSON.stringify(read.samples)).not.toContain('rgb":');
  });

  test("loads nothing: no address outside the page, and a policy that forbids it", () => {
    expect(page).toContain(`content="default-src &#39;none&#39;; img-src data:;`);
    for (const [, address] of page.matchAll(/\s(?:src|href|action|srcset|poster)="([^"]*)"/g))
      expect(address).toMatch(/^(#|data:)/);
    expect(page).not.toMatch(/@import|url\(|<link rel="stylesheet"|\bfetch\(|XMLHttpRequest|WebSocket|import\(/);
    // Where the chart library comes from is said in its licence comment, the only address in the page.
    expect([...new Set(page.match(/https?:\/\/[^\s"')]+/g))]).toEqual(["https://github.com/leeoniya/uPlot"]);
  });

  test("names what can be scrolled, switched or read aloud", () => {
    for (const [tag] of page.matchAll(/<[a-z]+[^>]*role="(?:region|img)"[^>]*>/g))
      expect(tag).toMatch(/aria-label="[^"]+"/);
    for (const [, id] of page.matchAll(/<input type="radio" name="cm" id="([^"]+)"/g))
      expect(page).toContain(`<label for="${id}">`);
    for (const [, id] of page.matchAll(/aria-labelledby="([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
    const ids = [...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("text from outside", () => {
  const plain = skeleton(renderReport(withText(syntheticReport(), (i) => `word${i}`)));

  test("the skeleton notices an injected tag and attribute", () => {
    expect(skeleton(`<p class="a">x</p>`)).toEqual([`<p class=>`, "</p>"]);
    expect(skeleton(`<p class="a">${HOSTILE[0]}</p>`)).toHaveLength(3);
    expect(skeleton(`<p class="a" onclick="b">`)).not.toEqual(skeleton(`<p class="a">`));
  });

  test.each(HOSTILE)("%j stays text everywhere", (text) => {
    const hostile = renderReport(withText(syntheticReport(), (i) => text + i));
    expect(skeleton(hostile)).toEqual(plain);
    expect(withoutScripts(hostile)).not.toContain(text);
    expect(json(hostile).title).toBe(`${text}0`);
  });

  test("any text stays text everywhere", () => {
    const small = syntheticReport(3);
    small.samples = small.samples.slice(0, 1);
    const expected = skeleton(renderReport(withText(small, () => "word")));
    const pieces = fc.array(
      fc.oneof(fc.string(), fc.constantFrom(...HOSTILE, "<", ">", '"', "'", "&", "--", "</", "\n")),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        // An empty date is left out of the line that holds it, so one letter is always there.
        expect(skeleton(renderReport(withText(small, () => `x${parts.join("")}`)))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});

describe("unusual runs", () => {
  test("one network alone", () => {
    const data = { ...syntheticReport(), curves: [], samples: [], notes: [] };
    data.networks = data.networks.slice(0, 1);
    const alone = renderReport(data);
    expect(alone).toContain(
      `Colour only sees colour at test and reaches ${percent(data.networks[0].metrics.top1)} top-1 accuracy.`,
    );
    for (const id of ["curves", "samples", "notes"]) expect(alone).not.toContain(`<section id="${id}"`);
    expect(alone).not.toContain("uPlot\n");
    expect(alone).not.toContain("The dashed line");
  });

  test("no network at all", () => {
    const empty = renderReport({ ...syntheticReport(), networks: [], curves: [], samples: [] });
    expect(empty).toContain("No network was evaluated.");
    expect(empty).toContain('<section id="run"');
  });

  test("segmentation speaks of pixels and intersection over union", () => {
    const data = { ...syntheticReport(), task: "segment" as const };
    const text = renderReport(data);
    expect(text).toContain(`reaches ${percent(data.networks[1].metrics.meanClass)} mean IoU`);
    expect(text).toContain("per cent of the true class");
    expect(text).not.toMatch(/top-1|95% interval|\(95%\)/);
    const [first] = data.networks[0].metrics.confusion;
    const sum = first.reduce((a, b) => a + b, 0);
    const cells = first.map(
      (value) => `<td class="[rw]\\d+">${value > 0 ? Math.round((100 * value) / sum) : "<i>0</i>"}</td>`,
    );
    expect(text).toMatch(new RegExp(cells.join("")));
    // Which colour of a label map is which class.
    for (const [k, name] of data.classes.entries()) {
      expect(text).toContain(`fill="rgb(${classColour(k).join(" ")})"/></svg> ${name}</li>`);
    }
    expect(text).toContain("</svg> not counted</li>");
    expect(renderReport(syntheticReport())).not.toContain("not counted");
  });

  test("forty classes", () => {
    const text = renderReport(syntheticReport(40));
    expect(text.match(/<td class="[rw]\d+">/g)).toHaveLength(5 * 40 * 40);
    expect(text.length).toBeLessThan(1_000_000);
  });

  test("numbers that are missing become dashes, in the JSON null", () => {
    const data = syntheticReport();
    for (const network of data.networks) {
      network.parameters = Number.NaN;
      network.seconds = Number.NaN;
      network.metrics = {
        ...network.metrics,
        top1: Number.NaN,
        meanClass: Number.NaN,
        nll: Number.POSITIVE_INFINITY,
        perClass: data.classes.map(() => Number.NaN),
      };
    }
    for (const curve of data.curves) {
      curve.losses = {
        task: curve.epochs.map(() => Number.NaN),
        kl: curve.epochs.map((_, i) => (i % 2 ? Number.NaN : i)),
      };
      curve.valTop1 = curve.epochs.map(() => null);
    }
    data.samples[0].predictions[0].probability = Number.NaN;
    const text = renderReport(data).replace(/<script>[\s\S]*?<\/script>/g, "");
    expect(text).not.toMatch(/NaN|Infinity|undefined|\[object/);
    expect(text).toContain("<td>–</td>");
    expect(json(text).networks[0].metrics.top1).toBeNull();
    for (const words of [renderSummary(data), renderMarkdown(data)])
      expect(words).not.toMatch(/NaN|Infinity|undefined/);
  });

  test("empty classes, confusion and predictions of unknown networks", () => {
    const data = syntheticReport();
    for (const network of data.networks) network.metrics = { ...network.metrics, perClass: [], confusion: [] };
    data.samples[0].predictions[0].network = "someone-else";
    data.curves[0].network = "another";
    const text = renderReport(data);
    expect(text).not.toContain('<section id="confusion"');
    expect(text).not.toContain('<section id="classes"');
    expect(text).toContain("someone-else");
    expect(text).toContain("another");
  });
});

describe("lists that do not fit together", () => {
  const cases: [string, (data: ReportData) => void, RegExp][] = [
    [
      "a picture",
      (data) => {
        data.samples[1].images[0].rgb = new Uint8Array(10);
      },
      /picture "colour" of scene-107.*10 bytes for 48x48/,
    ],
    [
      "a picture without height",
      (data) => {
        data.samples[1].images[0].height = 0;
      },
      /picture "colour"/,
    ],
    [
      "per-class shares",
      (data) => {
        data.networks[2].metrics.perClass.pop();
      },
      /10 entries in perClass of depth-only, got 9/,
    ],
    [
      "a confusion matrix",
      (data) => {
        data.networks[0].metrics.confusion[3].pop();
      },
      /10x10 confusion matrix of rgb-only/,
    ],
    [
      "a curve",
      (data) => {
        data.curves[1].losses.kl.pop();
      },
      /60 entries in kl of one-stage-rgb, got 59/,
    ],
    [
      "names",
      (data) => {
        data.networks[1].id = "rgb-only";
      },
      /different ids/,
    ],
  ];
  test.each(cases)("%s", (_, spoil, message) => {
    for (const render of [renderReport, renderSummary, renderMarkdown]) {
      const data = syntheticReport();
      spoil(data);
      expect(() => render(data)).toThrow(ShapeError);
      expect(() => render(data)).toThrow(message);
    }
  });
});
