import { describe, expect, test } from "vitest";
import { charts } from "../../src/report/charts.ts";
import { caution, findings, headline, wilson } from "../../src/report/findings.ts";
import { count, date, duration, number, percent, points, whole } from "../../src/report/format.ts";
import { renderMarkdown, renderSummary } from "../../src/report/index.ts";
import { looks } from "../../src/report/palette.ts";
import type { CurveReport, NetworkReport, ReportData, Role, Seen } from "../../src/report/types.ts";
import { syntheticReport } from "./fixture.ts";

function network(id: string, seen: Seen, role: Role, top1: number, samples = 1000): NetworkReport {
  const metrics = { top1, meanClass: top1 - 0.1, nll: 1, perClass: [], confusion: [], samples };
  return { id, title: id.toUpperCase(), seen, role, parameters: 1000, seconds: 1, metrics };
}

function run(...networks: NetworkReport[]): ReportData {
  return { ...syntheticReport(3), classes: [], samples: [], curves: [], networks };
}

describe("the comparison", () => {
  const base = network("rgb-only", "rgb", "baseline", 0.5);
  const top = network("rgbd", "both", "upper bound", 0.6);

  test("a gain, and the share of the gap that it closes", () => {
    const data = run(base, network("mine", "rgb", "ours", 0.53), top);
    const [finding] = findings(data);
    expect(finding.gain).toBeCloseTo(0.03, 12);
    expect(finding.closed).toBeCloseTo(0.3, 12);
    expect(headline(data)).toEqual([
      "With colour alone at test, MINE reaches 53.0% top-1 accuracy, 3.0 points above RGB-ONLY (50.0%) and closing 30% of the gap to RGBD (60.0%).",
    ]);
  });

  test("a loss is said as it is", () => {
    const [text] = headline(run(base, network("mine", "rgb", "ours", 0.48), top));
    expect(text).toContain("2.0 points below RGB-ONLY (50.0%) and closing none of the gap");
  });

  test("without a gap, a baseline or an upper bound", () => {
    expect(
      headline(run(base, network("mine", "rgb", "ours", 0.5), network("rgbd", "both", "upper bound", 0.49))),
    ).toEqual([
      "With colour alone at test, MINE reaches 50.0% top-1 accuracy, level with RGB-ONLY (50.0%); RGBD reaches 49.0%.",
    ]);
    expect(headline(run(network("mine", "depth", "ours", 0.5)))).toEqual([
      "With depth alone at test, MINE reaches 50.0% top-1 accuracy.",
    ]);
  });

  test("takes the first network of ours, not the one that tested best", () => {
    const data = run(base, network("first", "rgb", "ours", 0.51), network("second", "rgb", "ours", 0.59), top);
    expect(findings(data).map(({ ours }) => ours.id)).toEqual(["first"]);
  });

  test("compares with the plain network even where another baseline is listed first", () => {
    const data = run(network("kd", "rgb", "baseline", 0.52), base, network("mine", "rgb", "ours", 0.53), top);
    expect(findings(data)[0].baseline?.id).toBe("rgb-only");
    expect(findings({ ...data, networks: data.networks.filter(({ id }) => id !== "rgb-only") })[0].baseline?.id).toBe(
      "kd",
    );
  });

  test("segmentation compares mean intersection over union", () => {
    const data: ReportData = { ...run(base, network("mine", "rgb", "ours", 0.53), top), task: "segment" };
    expect(headline(data)[0]).toContain("MINE reaches 43.0% mean IoU, 3.0 points above RGB-ONLY (40.0%)");
    expect(caution(findings(data)[0])).toBeNull();
  });

  test("says what the number of test images can tell", () => {
    // 1.96 standard errors of a difference of two shares near one half: 1.96 * sqrt(2 * 0.25 / n).
    const near = (samples: number) =>
      findings(
        run(network("rgb-only", "rgb", "baseline", 0.49, samples), network("mine", "rgb", "ours", 0.51, samples)),
      )[0];
    expect(near(1000).resolution).toBeCloseTo(1.96 * Math.sqrt((2 * 0.4999 * 0.5) / 1000), 3);
    expect(caution(near(1000))).toBe(
      "With 1\u202f000 test images chance alone makes differences up to 4.4 points (95%); this one is not larger.",
    );
    expect(caution(near(10000))).toContain("this one is larger");
  });

  test("Wilson's interval at known points", () => {
    const [low, high] = wilson(0.5, 100);
    expect(low).toBeCloseTo(0.4038, 4);
    expect(high).toBeCloseTo(0.5962, 4);
    expect(wilson(0, 10)[0]).toBe(0);
    expect(wilson(0, 10)[1]).toBeCloseTo(0.2775, 4);
    expect(wilson(0.5, 0)).toEqual([Number.NaN, Number.NaN]);
  });
});

describe("numbers in words", () => {
  test.each([
    [percent(0.51549), "51.5%"],
    [percent(-0.02, 0), "−2%"],
    [percent(Number.NaN), "–"],
    [points(0.0296), "+3.0"],
    [points(-0.0296), "−3.0"],
    [points(-0.0001), "±0.0"],
    [number(1.41234), "1.412"],
    [number(0.000012), "1.20e-5"],
    [number(0), "0"],
    [whole(1234567), "1\u202f234\u202f567"],
    [count(173_050), "173 k"],
    [count(1_240_000), "1.24 M"],
    [count(999), "999"],
    [duration(0.25), "0.3 s"],
    [duration(9.97), "10 s"],
    [duration(59.7), "1 min 00 s"],
    [duration(192), "3 min 12 s"],
    [duration(3599.8), "1 h 00 min"],
    [duration(-1), "–"],
    [date("2026-11-23T12:30:00+02:00"), "2026-11-23 10:30 UTC"],
    [date("yesterday"), "yesterday"],
  ])("%s", (got, expected) => {
    expect(got).toBe(expected);
  });
});

test("networks that see the same look different, and ours has the strongest colour", () => {
  const six = ["a", "b", "c", "d", "e", "f"].map((id) => network(id, "rgb", id === "d" ? "ours" : "baseline", 0.5));
  const look = looks(six);
  expect(new Set([...look.values()].map(({ color }) => color)).size).toBe(6);
  expect(look.get("d")).toEqual({ color: "--rgb0", dash: [], role: "ours" });
});

describe("charts", () => {
  const data = syntheticReport();
  const list = charts(data, looks(data.networks));

  test("one each for loss, validation and training accuracy, each set of loss terms, and the translators", () => {
    expect(list.map(({ title }) => title)).toEqual([
      "Task loss in training",
      "Validation accuracy",
      "Training accuracy",
      "Loss terms of One-stage (colour)",
      "Loss terms of One-stage (depth)",
      "Size of the translators' code",
    ]);
    expect(list[0].series.map(({ name }) => name)).toEqual(data.networks.map(({ title }) => title));
    expect(list[3].series[0].name).toBe("total");
    expect([list[0].log, list[3].log]).toEqual([false, true]);
    expect(list[5].threshold).toBe(0.05);
  });

  test("puts networks with different epochs on one axis and leaves holes", () => {
    const curves: CurveReport[] = [
      { network: "rgb-only", epochs: [1, 2, 3], losses: { task: [3, 2, Number.NaN] } },
      { network: "rgbd", epochs: [2, 4], losses: { total: [5, 4] } },
    ];
    const [chart, ...rest] = charts({ ...data, curves }, looks(data.networks));
    expect(rest).toEqual([]);
    expect(chart.epochs).toEqual([1, 2, 3, 4]);
    expect(chart.series.map(({ values }) => values)).toEqual([
      [3, 2, null, null],
      [null, 5, null, 4],
    ]);
  });

  test("a logarithmic axis drops what has no logarithm", () => {
    const curves = [{ network: "rgbd", epochs: [1, 2], losses: { task: [2, 0], kl: [0.01, 0.02] } }];
    const terms = charts({ ...data, curves }, looks(data.networks))[1];
    expect(terms.log).toBe(true);
    expect(terms.series.map(({ values }) => values)).toEqual([
      [2, null],
      [0.01, 0.02],
    ]);
  });
});

describe("text forms", () => {
  test("the summary is a table of equal columns and the findings", () => {
    const data = syntheticReport();
    const lines = renderSummary(data).split("\n");
    const [head, rule, ...rows] = lines.slice(2, 9);
    const columns = [...rule.matchAll(/─+/g)].map(({ index, 0: bar }) => [index, index + bar.length]);
    expect(columns).toHaveLength(8);
    const cells = [head, ...rows].map((line) => columns.map(([from, to]) => line.slice(from, to).trim()));
    expect(cells[0]).toEqual([
      "network",
      "sees at test",
      "role",
      "top-1 accuracy",
      "mean-class accuracy",
      "NLL",
      "parameters",
      "training time",
    ]);
    expect(cells.slice(1).map(([title, , , top1]) => [title, top1])).toEqual(
      data.networks.map(({ title, metrics }) => [title, percent(metrics.top1)]),
    );
    for (const text of headline(data)) expect(lines.some((line) => line.startsWith(text))).toBe(true);
  });

  test("cannot steer a terminal", () => {
    const data = syntheticReport();
    data.title = "a\u001b[2Jb\nc\u009b31m";
    data.networks[0].title = "x\u001b]0;y\u0007";
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    expect(renderSummary(data).replace(/\n/g, "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });

  test("Markdown keeps names, cells and code blocks apart", () => {
    const data = syntheticReport();
    data.networks[0].title = "a|b <i>*c*";
    data.command = "run ```` x";
    const text = renderMarkdown(data);
    expect(text).toContain("| a\\|b \\<i\\>\\*c\\* | colour | baseline |");
    expect(text).toContain("`````sh\nrun ```` x\n`````");
    expect(text).toContain("| weight decay | 0.05 |");
  });
});
