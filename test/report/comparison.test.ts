import { describe, expect, test } from "vitest";
import { axisOf } from "../../src/report/compare/axis.ts";
import { comparisonFigure } from "../../src/report/compare/figure.ts";
import { type ComparisonData, type ComparisonRow, withAveraged } from "../../src/report/comparison.ts";
import { analyseComparison, verdictOf } from "../../src/report/comparisonAnalysis.ts";
import { tableFindings } from "../../src/report/comparisonFindings.ts";
import { renderComparison } from "../../src/report/comparisonReport.ts";
import { comparisonJson, renderComparisonMarkdown } from "../../src/report/comparisonText.ts";
import { points } from "../../src/report/format.ts";
import { classColour } from "../../src/report/labels.ts";
import type { Role, Seen } from "../../src/report/types.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import { syntheticComparison } from "./comparisonFixture.ts";

/** A row whose seeds were right on these images, out of so many. */
function row(id: string, role: Role, right: readonly number[][], images = 20, direction: Seen = "rgb"): ComparisonRow {
  const truth = new Array<number>(images).fill(0);
  return {
    id,
    label: id.toUpperCase(),
    role,
    direction,
    seeds: right.map((hits, seed) => ({
      seed,
      metrics: { top1: hits.length / images, meanClass: 0.1, nll: 1 + seed, perClass: [] },
      perImage: { kind: "classes", truth, predicted: truth.map((_, i) => (hits.includes(i) ? 0 : 1)) },
      trainSeconds: 1,
    })),
    parameters: 1000,
    flops: 2000,
    trainSeconds: 1,
  };
}

function comparison(rows: ComparisonRow[], reference = "mine"): ComparisonData {
  const has = (id: string) => (rows.some((found) => found.id === id) ? id : null);
  const tables = [{ title: "T", direction: "rgb" as const, reference, baseline: has("base"), upper: has("top") }];
  return { ...syntheticComparison("classify", 1), rows, tables, missing: [], samples: [], classes: ["a", "b"] };
}

const upTo = (n: number, from = 0) => Array.from({ length: n }, (_, i) => from + i);

describe("a comparison worked by hand", () => {
  // Of 20 images: baseline 8, 9, 10 right, ours 10, 12, 11, upper bound 16, 16, 16.
  const base = row("base", "baseline", [upTo(8), upTo(9), upTo(10)]);
  const mine = row("mine", "ours", [upTo(10), upTo(12), upTo(11)]);
  const top = row("top", "upper bound", [upTo(16), upTo(16), upTo(16)], 20, "both");
  const data = comparison([base, mine, top]);
  const [table] = analyseComparison(data).tables;

  test("means and sample standard deviations", () => {
    const summary = table!.rows.find(({ id }) => id === "mine")!;
    expect(summary.top1.mean).toBeCloseTo(0.55, 12);
    expect(summary.top1.sd).toBeCloseTo(0.05, 12);
    expect(summary.nll).toMatchObject({ mean: 2, sd: 1 });
    // 4.3027 * 0.05 / sqrt 3.
    expect(summary.interval![0]).toBeCloseTo(0.55 - 0.1242, 4);
    expect(summary.ece).toBeNull();
  });

  test("paired differences: 0.1, 0.15, 0.05, and Student's interval 0.1 ± 4.3027 * 0.05 / sqrt 3", () => {
    const [difference, upper] = table!.differences;
    expect(difference).toMatchObject({ of: "mine", minus: "base", seeds: [0, 1, 2] });
    for (const [i, value] of [0.1, 0.15, 0.05].entries()) expect(difference!.values[i]).toBeCloseTo(value, 12);
    expect(difference!.sd).toBeCloseTo(0.05, 12);
    expect(difference!.overSeeds![0]).toBeCloseTo(0.1 - 0.1242, 4);
    expect(difference!.overSeeds![1]).toBeCloseTo(0.1 + 0.1242, 4);
    expect(difference!.verdict).toBe("includes 0");
    expect(upper!.mean).toBeCloseTo(0.55 - 0.8, 12);
    expect(upper!.verdict).toBe("below 0");
  });

  test.each([
    // ± 4.3027 * 0.1 / sqrt 3 and a tenth of it.
    [[0.1, 0.2, 0.3], 0.2484, false],
    [[0.19, 0.2, 0.21], 0.02484, true],
  ])("NLL less by %j has its own interval, and findings say where it is lower", (less, half, lower) => {
    const seeds = mine.seeds.map((seed, i) => {
      return { ...seed, metrics: { ...seed.metrics, nll: seed.metrics.nll - less[i]! } };
    });
    const other = comparison([base, { ...mine, seeds }, top]);
    const [table] = analyseComparison(other).tables;
    const { nll } = table!.differences[0]!;
    expect(nll.mean).toBeCloseTo(-0.2, 12);
    expect(nll.overSeeds![0]).toBeCloseTo(-0.2 - half, 4);
    expect(nll.overSeeds![1]).toBeCloseTo(-0.2 + half, 4);
    const findings = tableFindings(other, table!).join(" ");
    if (lower)
      expect(findings).toContain(
        "Its NLL is lower, and so better, with 95% confidence over seeds than that of: BASE (−0.200), TOP (−0.200).",
      );
    else expect(findings).not.toContain("NLL");
    expect(renderComparisonMarkdown(other)).toMatch(
      new RegExp(`^\\| BASE \\| .*\\| −0\\.200 \\| .*, ${lower ? "below" : "includes"} 0 \\|$`, "m"),
    );
    expect(renderComparison(other)).toContain("<td>−0.200</td>");
  });

  test("the bootstrap over images stays within what images can change, and holds the measured difference", () => {
    const [low, high] = table!.differences[0]!.overImages!;
    expect(low).toBeGreaterThanOrEqual(0);
    expect(low).toBeLessThan(0.1);
    expect(high).toBeGreaterThan(0.1);
    // The mean over the seeds has a variance over images of (s.d. of the images' mean differences)^2 / 20.
    const each = upTo(20).map(
      (i) => [8, 9, 10].reduce((sum, b, s) => sum + (i < [10, 12, 11][s]! ? 1 : 0) - (i < b ? 1 : 0), 0) / 3,
    );
    const spread = Math.sqrt(each.reduce((sum, value) => sum + (value - 0.1) ** 2, 0) / 20 / 20);
    expect((high - low) / 2).toBeGreaterThan(1.6 * spread);
    expect((high - low) / 2).toBeLessThan(2.3 * spread);
  });

  test("seeds and images together are wider than images alone", () => {
    const { overImages, overBoth } = table!.differences[0]!;
    expect(overBoth![1] - overBoth![0]).toBeGreaterThan(overImages![1] - overImages![0]);
  });

  test("the share of the gap: (0.55 - 0.45) / (0.8 - 0.45)", () => {
    expect(table!.gap!.closed).toBeCloseTo(0.1 / 0.35, 12);
    expect(table!.gap!.interval![0]).toBeLessThan(0.1 / 0.35);
    expect(table!.gap!.interval![1]).toBeGreaterThan(0.1 / 0.35);
  });

  test("is the same again", () => {
    expect(analyseComparison(data)).toEqual(analyseComparison(data));
  });

  test("in words", () => {
    expect(tableFindings(data, table!)).toEqual([
      "With colour alone at test, MINE reaches 55.0% ± 5.0 top-1 accuracy (mean ± s.d. of 3 seeds); BASE 45.0% ± 5.0, TOP 80.0% ± 0.0.",
      "Its paired difference cannot be told from 0 against: BASE (+10.0).",
      "Its paired difference is below 0 with 95% confidence against: TOP (−25.0).",
      expect.stringMatching(
        /^It closes 29% of the gap between BASE and TOP \(95% interval −?\d+% to \d+% over images and seeds\)\.$/,
      ),
    ]);
  });
});

describe("nothing is claimed too much", () => {
  test("two seeds give no interval, and the words say so", () => {
    const data = comparison([row("base", "baseline", [upTo(2), upTo(2)]), row("mine", "ours", [upTo(18), upTo(18)])]);
    const [table] = analyseComparison(data).tables;
    expect(table!.differences[0]).toMatchObject({ overSeeds: null, overImages: null, overBoth: null });
    expect(table!.differences[0]!.verdict).toBe("no interval");
    const words = tableFindings(data, table!).join(" ");
    expect(words).toContain(
      "Fewer than 3 common seeds give no interval, so these differences may be chance: BASE (+80.0).",
    );
    expect(words).not.toContain("95%");
  });

  test("only the seeds that both have are paired", () => {
    const base = row("base", "baseline", [upTo(8), upTo(9), upTo(10)]);
    base.seeds[2]!.seed = 7;
    const [table] = analyseComparison(comparison([base, row("mine", "ours", [upTo(10), upTo(10), upTo(10)])])).tables;
    expect(table!.differences[0]).toMatchObject({ seeds: [0, 1], overSeeds: null, overImages: null });
  });

  test("sure of the seeds but not of the images: includes 0", () => {
    // Always one image more of twenty: no spread over seeds, but one image decides.
    const data = comparison([
      row("base", "baseline", [upTo(8), upTo(9), upTo(10)]),
      row("mine", "ours", [upTo(9), upTo(10), upTo(11)]),
    ]);
    const [difference] = analyseComparison(data).tables[0]!.differences;
    expect(verdictOf(difference!.overSeeds)).toBe("above 0");
    expect(verdictOf(difference!.overImages)).toBe("includes 0");
    expect(difference!.verdict).toBe("includes 0");
  });

  test("without images the seeds alone decide", () => {
    const data = comparison([
      row("base", "baseline", [upTo(8), upTo(9), upTo(10)]),
      row("mine", "ours", [upTo(9), upTo(10), upTo(11)]),
    ]);
    for (const seed of data.rows[0]!.seeds) seed.perImage = null;
    const [table] = analyseComparison(data).tables;
    expect(table!.differences[0]).toMatchObject({ overImages: null, verdict: "above 0" });
  });

  test("images of one origin are drawn together, which widens the interval", () => {
    const rows = [
      row("base", "baseline", [upTo(8), upTo(8), upTo(8)]),
      row("mine", "ours", [upTo(12), upTo(12), upTo(12)]),
    ];
    const width = (groups?: number[]) => {
      const [low, high] = analyseComparison({ ...comparison(rows), ...(groups && { groups }) }).tables[0]!
        .differences[0]!.overImages!;
      return high - low;
    };
    expect(width(upTo(20).map((i) => Math.floor(i / 4)))).toBeGreaterThan(1.5 * width());
  });

  test("no gap is closed where there is none, and a loss closes none", () => {
    const top = row("top", "upper bound", [upTo(4), upTo(4), upTo(4)], 20, "both");
    const base = row("base", "baseline", [upTo(8), upTo(8), upTo(8)]);
    const mine = row("mine", "ours", [upTo(7), upTo(7), upTo(7)]);
    const none = comparison([base, mine, top]);
    expect(tableFindings(none, analyseComparison(none).tables[0]!).at(-1)).toBe(
      "There is no gap between BASE and TOP to close.",
    );
    const better = row("top", "upper bound", [upTo(16), upTo(16), upTo(16)], 20, "both");
    const loss = comparison([base, mine, better]);
    expect(tableFindings(loss, analyseComparison(loss).tables[0]!).at(-1)).toMatch(/^It closes none of the gap/);
  });

  test("a method that was not trained says so", () => {
    const data = comparison([row("base", "baseline", [upTo(8)]), row("mine", "ours", [])]);
    expect(tableFindings(data, analyseComparison(data).tables[0]!)).toEqual(["MINE has not been trained yet."]);
    expect(renderComparisonMarkdown(data)).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe("segmentation", () => {
  test("draws images with their pixels: all of them give the mean intersection over union itself", () => {
    const data = syntheticComparison("segment", 3);
    // One group: each round draws all images, so nothing varies and every draw is the whole split.
    const groups = new Array<number>(60).fill(1);
    const [table] = analyseComparison({ ...data, groups }, { draws: 5 }).tables;
    for (const { values, overImages } of table!.differences) {
      if (!overImages) continue;
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(overImages[0]).toBeCloseTo(mean, 12);
      expect(overImages[1]).toBeCloseTo(mean, 12);
    }
    expect(table!.differences.filter(({ overImages }) => overImages)).not.toHaveLength(0);
  });

  test("compares mean IoU and names its columns so", () => {
    const data = syntheticComparison("segment", 3);
    const analysis = analyseComparison(data, { draws: 200 });
    expect(analysis.main).toBe("meanClass");
    expect(renderComparisonMarkdown(data, analysis)).toContain(
      "| mean IoU, % | pixel accuracy, % | mean accuracy, % | NLL |",
    );
  });
});

describe("the mean of both heads", () => {
  const data = syntheticComparison("classify", 3);
  const analysis = analyseComparison(data, { draws: 200 });

  test("is a row of its own, behind its network's", () => {
    const ids = withAveraged(data.rows).map(({ id }) => id);
    expect(ids[ids.indexOf("one-stage-rgb") + 1]).toBe("one-stage-rgb+h");
    expect(ids).not.toContain("rgb-only+h");
    expect(analysis.tables[0]!.rows.find(({ id }) => id === "one-stage-rgb+h")).toMatchObject({
      label: "One-stage, RGB at test, mean of both heads",
      flops: data.rows[4]!.averaged!.flops,
    });
  });

  test("has differences of its own to other networks, and may be the reference", () => {
    const [table] = analysis.tables;
    expect(table!.otherHeadDifferences.map(({ of, minus }) => [of, minus])).toContainEqual([
      "one-stage-rgb+h",
      "rgb-only",
    ]);
    for (const { minus } of [...table!.differences, ...table!.otherHeadDifferences])
      expect(minus).not.toMatch(/^one-stage/);
    const reaches = /^The mean of both its heads reaches .+; its paired difference is .+ against: /;
    expect(tableFindings(data, table!).at(-1)).toMatch(reaches);
    expect(analysis.tables[1]!.otherHeadDifferences).toEqual([]);
    const [first] = data.tables;
    const other = analyseComparison({ ...data, tables: [{ ...first!, reference: "one-stage-rgb+h" }] }, { draws: 200 });
    expect(other.tables[0]!.differences.map(({ minus }) => minus)).toEqual(
      table!.differences.map(({ minus }) => minus),
    );
    expect(other.tables[0]!.differences[0]!.of).toBe("one-stage-rgb+h");
    expect(other.tables[0]!.otherHeadDifferences).toEqual(table!.differences);
    expect(tableFindings(data, other.tables[0]!).at(-1)).toMatch(/^Its fused head alone reaches /);
  });
});

describe("text forms", () => {
  const data = syntheticComparison();
  const analysis = analyseComparison(data, { draws: 200 });

  test("Markdown has every method's figures, differences, classes and what is missing", () => {
    const text = renderComparisonMarkdown(data, analysis);
    for (const { label, top1, nll } of analysis.tables[0]!.rows) {
      const line = text.split("\n").find((found) => found.startsWith(`| ${label} | `))!;
      expect(line).toContain(`${(100 * top1.mean).toFixed(2)}`);
      expect(line).toContain(nll.mean.toFixed(3));
    }
    expect(text).toContain("onestage compare made-up.json --cell garcia-rgb:4");
    expect(text).toContain("### One-stage, RGB at test minus each other method, points");
    expect(text).not.toMatch(/NaN|Infinity|undefined/);
    for (const row of text.matchAll(/^\|.*\|$/gm)) expect(row[0]).not.toContain("\n");
  });

  test("memory and time of a prediction are shown where they are known", () => {
    expect(renderComparisonMarkdown(data, analysis)).not.toMatch(/\| memory \||\| time an image \|/);
    const rows = data.rows.map((row, i) =>
      i === 0 ? { ...row, peakBytes: 3 * 2 ** 20, predictSeconds: 0.01234 } : row,
    );
    const text = renderComparisonMarkdown({ ...data, rows }, analyseComparison({ ...data, rows }, { draws: 50 }));
    expect(text).toContain("| FLOPs | memory | time an image | training time |");
    expect(text).toMatch(/\| RGB only \|.+\| 3 MiB \| 12\.3 ms \| 45 s \|/);
    expect(text).toMatch(/\| RGB-D \|.+\| – \| – \| 1 min 35 s \|/);
  });

  test("ACER is shown where live faces are told from attacks", () => {
    expect(renderComparisonMarkdown(data, analysis)).not.toContain("ACER");
    const judged = data.rows.map((row, i) => ({
      ...row,
      seeds: row.seeds.map((seed, k) => {
        const spoofing = { half: { acer: 0.1 * (k + 1) } };
        return i === 0 ? { ...seed, metrics: { ...seed.metrics, spoofing } } : seed;
      }),
    }));
    const text = renderComparisonMarkdown({ ...data, rows: judged });
    expect(text).toContain("| ECE, % | ACER, % |");
    // Of five seeds 10, 20, 30, 40 and 50 %.
    expect(text).toMatch(/\| RGB only \|.+\| 30\.00 ± 15\.81 \|/);
    expect(text).toMatch(/\| RGB-D \|.+\| – \|/);
  });

  test("JSON holds the settings, every seed's value and the findings, and no images", () => {
    const read = JSON.parse(comparisonJson(data, analysis));
    expect(read.format).toBe("onestage-comparison-1");
    expect(read.tables[0].rows[0].top1.values).toHaveLength(5);
    expect(read.tables[0].differences[0].overSeeds).toHaveLength(2);
    expect(read.tables[0].findings[0]).toMatch(/^With colour alone at test, One-stage/);
    expect(read.settings).toEqual(data.settings);
    expect(JSON.stringify(read)).not.toMatch(/perImage|"rgb":/);
  });

  test("metrics read back from JSON, with null for classes that do not occur, give the same", () => {
    const again = { ...JSON.parse(JSON.stringify({ ...data, samples: [] })), samples: data.samples } as ComparisonData;
    expect(analyseComparison(again, { draws: 200 })).toEqual(analysis);
  });
});

describe("the page", () => {
  const page = (data: ComparisonData) => renderComparison(data, analyseComparison(data, { draws: 100 }));
  const bare = (text: string) => text.replace(/<(script|style)\b[^>]*>[\s\S]*?<\/\1>/g, "");
  const tags = (text: string) => [...bare(text).matchAll(/<[/!]?[a-z-]+/gi)].map(([tag]) => tag);

  test("shows every method's figures, each seed as a dot, differences with their verdicts, and the missing commands", () => {
    const data = syntheticComparison("classify", 3);
    const analysis = analyseComparison(data, { draws: 100 });
    const text = renderComparison(data, analysis);
    for (const { rows, differences } of analysis.tables) {
      for (const { label, top1, seeds } of rows) {
        expect(text).toContain(`</svg> ${label}</th>`);
        if (seeds.length > 1)
          expect(text).toContain(`<td>${(100 * top1.mean).toFixed(2)} ± ${(100 * top1.sd).toFixed(2)}</td>`);
      }
      for (const { mean, verdict } of differences) {
        expect(text).toMatch(
          new RegExp(`<b>${points(mean).replace("+", "\\+")}</b> <span class="verdict \\w+">${verdict}</span>`),
        );
      }
    }
    const perTable = (table: (typeof analysis.tables)[number]) => {
      const lists = [table.differences, table.otherHeadDifferences];
      return [...table.rows.map(({ seeds }) => seeds.length), ...lists.flat().map(({ seeds }) => seeds.length)];
    };
    const dots = analysis.tables.flatMap(perTable).reduce((sum, count) => sum + count, 0);
    expect(text.match(/<i class="seed"/g)).toHaveLength(dots);
    expect(text).toContain("onestage compare made-up.json --cell garcia-rgb:2");
    expect(renderComparison(data, analysis)).toBe(text);
  });

  test("a table of classes with their colours where pixels are classified", () => {
    const data = syntheticComparison("segment", 3, 13);
    const text = page(data);
    for (const [k, name] of data.classes.entries()) {
      expect(text).toContain(`fill="rgb(${classColour(k).join(" ")})"/></svg> ${name}</th>`);
    }
    expect(text).toMatch(/<p class="lead">Intersection over union of each class/);
  });

  test("text from outside stays text", () => {
    const data = syntheticComparison("classify", 3, 4);
    const hostile = (text: string) => `${text}</script></title><img src=x onerror=alert(1)>'"<!--`;
    const expected = tags(page(data));
    const spoiled: ComparisonData = {
      ...data,
      ...{
        title: hostile("t"),
        subtitle: hostile("s"),
        dataset: hostile("d"),
        split: hostile("p"),
        command: hostile("c"),
      },
      settings: { [hostile("k")]: hostile("v"), ...data.settings },
      classes: data.classes.map(hostile),
      rows: data.rows.map((row) => ({ ...row, label: hostile(row.label) })),
      tables: data.tables.map((table) => ({ ...table, title: hostile(table.title) })),
      missing: data.missing.map((cell) => ({ ...cell, command: hostile(cell.command) })),
      notes: data.notes.map(hostile),
    };
    // One more setting is three more pairs of tags.
    expect(tags(page(spoiled)).length).toBe(expected.length + 6);
    expect(bare(page(spoiled))).not.toContain("<img src=x");
  });

  test("nothing trained yet, or a single method", () => {
    const data = syntheticComparison("classify", 0);
    expect(page(data)).toContain("One-stage, RGB at test has not been trained yet.");
    expect(bare(page(data))).not.toMatch(/NaN|Infinity|undefined|\[object/);
    const one = syntheticComparison("classify", 3);
    const tables = [
      {
        title: "Alone",
        direction: "rgb" as const,
        rows: ["rgb-only"],
        reference: "rgb-only",
        baseline: null,
        upper: null,
      },
    ];
    const text = page({ ...one, tables, missing: [] });
    expect(bare(text)).not.toMatch(/NaN|Infinity|undefined|\[object/);
    for (const id of ["differences", "cost", "missing"]) expect(text).not.toContain(`<section id="${id}"`);
  });
});

test("an axis has round marks that hold all values", () => {
  expect(axisOf([0.473, 0.614]).marks.map((mark) => mark.toFixed(2))).toEqual(["0.45", "0.50", "0.55", "0.60", "0.65"]);
  expect(axisOf([-0.031, 0, 0.08]).marks.map((mark) => mark.toFixed(2))).toEqual(["-0.05", "0.00", "0.05", "0.10"]);
  expect(axisOf([0, 363_000], 4).marks).toEqual([0, 100_000, 200_000, 300_000, 400_000]);
  for (const values of [[0.5], [], [Number.NaN], [0.1, 0.1], [0]]) {
    const { low, high, marks } = axisOf(values);
    expect(high).toBeGreaterThan(low);
    expect(marks.length).toBeGreaterThan(1);
    for (const value of values.filter(Number.isFinite)) expect(value >= low && value <= high).toBe(true);
  }
});

describe("parts that do not fit together", () => {
  const cases: [string, (data: ComparisonData) => void, RegExp][] = [
    ["two rows of one id", (data) => data.rows.push(data.rows[0]!), /rows with different ids/],
    [
      "a seed twice",
      (data) => data.rows[0]!.seeds.push(data.rows[0]!.seeds[0]!),
      /each seed of rgb-only once, got 0, 1, 2, 0/,
    ],
    [
      "classes",
      (data) => {
        data.classes.pop();
      },
      /9 entries in perClass of rgb-only, seed 0, got 10/,
    ],
    [
      "images",
      (data) => {
        data.rows[2]!.seeds[1]!.perImage = { kind: "classes", truth: [1], predicted: [1] };
      },
      /240 images of kd-rgb, seed 1, as the others, got 1/,
    ],
    [
      "another task's images",
      (data) => {
        data.rows[2]!.seeds[1]!.perImage = { kind: "pixels", classes: 10, intersection: [], union: [] };
      },
      /classes of each image of kd-rgb, seed 1, got pixels/,
    ],
    ["groups", (data) => Object.assign(data, { groups: [1, 2] }), /2 images of rgb-only/],
    [
      "a reference of another table",
      (data) => {
        data.tables[0]!.reference = "depth-only";
      },
      /a row depth-only in the table "RGB at test", got rgb-only, /,
    ],
    [
      "a missing cell of no row",
      (data) => {
        data.missing[0]!.row = "nobody";
      },
      /a row nobody for the cell that is missing/,
    ],
  ];
  test.each(cases)("%s", (_, spoil, message) => {
    const data = syntheticComparison("classify", 3);
    spoil(data);
    expect(() => analyseComparison(data)).toThrow(ShapeError);
    expect(() => analyseComparison(data)).toThrow(message);
  });
});

describe("the figure beside the Markdown", () => {
  const base = row("base", "baseline", [upTo(8), upTo(9), upTo(10)]);
  const mine = row("mine", "ours", [upTo(10), upTo(12), upTo(11)]);
  const rows = [base, mine, row("top", "upper bound", [upTo(16), upTo(16), upTo(16)], 20, "both")];

  function figure(data: ComparisonData): string {
    return comparisonFigure(data, analyseComparison(data).tables[0]!)!;
  }

  /** Where a value lies between the lines of the axis whose marks end in this, as they are drawn. */
  function reader(svg: string, marked: RegExp): (x: number) => number {
    const marks = [...svg.matchAll(/<text class="small" x="([\d.]+)" y="[\d.]+" text-anchor="middle">([^<]+)</g)]
      .map(([, x, text]) => [Number(x), text!] as const)
      .filter(([, text]) => marked.test(text))
      .map(([x, text]) => [x, Number(text.replace("−", "-").replace("%", ""))] as const);
    const [[x0, v0], [x1, v1]] = [marks[0]!, marks.at(-1)!];
    return (x) => v0 + ((x - x0) / (x1 - x0)) * (v1 - v0);
  }

  test("draws seeds, means and intervals where its axes say", () => {
    const svg = figure(comparison(rows));
    const parts = svg.split('<g transform="translate(0 ').slice(1);
    const [ofBase, ofMine] = [parts[0]!, parts[1]!];
    const share = reader(svg, /%$/);
    const seeds = (part: string) => [...part.matchAll(/class="seed" cx="([\d.]+)"/g)].map(([, x]) => Number(x));
    for (const [i, value] of [50, 60, 55].entries()) expect(share(seeds(ofMine)[i]!)).toBeCloseTo(value, 0);
    const points = reader(svg, /^(0|[+−][\d.]+)$/);
    for (const [i, value] of [10, 15, 5].entries()) expect(points(seeds(ofBase)[3 + i]!)).toBeCloseTo(value, 0);
    expect(points(Number(/<path d="m([\d.]+)-5.5/.exec(ofBase)![1]))).toBeCloseTo(10, 0);
    const whisker = /class="whisker" d="M([\d.]+)-4v8m0-4H([\d.]+)m/g;
    const [, , [, from, to]] = [null, ...ofBase.matchAll(whisker)] as unknown as [null, string[], string[]];
    // 10 ± 4.3027 * 5 / sqrt 3.
    expect(points(Number(from))).toBeCloseTo(10 - 12.42, 0);
    expect(points(Number(to))).toBeCloseTo(10 + 12.42, 0);
    expect(ofMine).toContain('class="own">MINE<');
    expect(ofMine).not.toContain("band");
  });

  test("escapes and cuts names, calls the mean of both heads that, and is not there without a trained method", () => {
    const label = `<script>${"x".repeat(80)}`;
    const both = mine.seeds.map((seed) => ({ ...seed, averaged: seed.metrics, averagedPerImage: seed.perImage }));
    const svg = figure(
      comparison([
        { ...base, label },
        { ...mine, seeds: both },
      ]),
    );
    expect(svg).toContain(`&lt;script&gt;${"x".repeat(51)}…<`);
    expect(svg).not.toContain("<script");
    expect(svg).toContain('class="small">mean of both heads<');
    const none = comparison(rows.map((one) => ({ ...one, seeds: [] })));
    expect(comparisonFigure(none, analyseComparison(none).tables[0]!)).toBeNull();
  });

  test("is named by the Markdown that it lies beside", () => {
    const data = comparison(rows);
    const named = renderComparisonMarkdown(data, analyseComparison(data), new Map([["rgb", "figure-rgb.svg"]]));
    expect(named).toContain("![T: every method, and MINE minus each](figure-rgb.svg)");
    expect(renderComparisonMarkdown(data)).not.toContain("figure-rgb.svg");
  });
});
