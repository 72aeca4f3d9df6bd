import { describe, expect, it } from "vitest";
import { compare } from "../../bench/compare.ts";
import { renderBench } from "../../bench/html.ts";
import { logPlot } from "../../bench/plot.ts";
import { gainNotes, linearity } from "../../bench/text.ts";
import { result, row, summary } from "./fixture.ts";

describe("the page", () => {
  const point = (x: number) => ({ x, flops: 1e9 * x, time: summary(20 + 5 * x), peak: 2 ** 20 * x, dispatches: 10 });
  const full = result([row("matmul 8x8x8", 4), row("add 4x4", 1, { flops: 1e6, bytes: 4e6 })], {
    scaling: [{ axis: "batch", scenario: "a <step>", points: [1, 2, 4, 8].map(point), skipped: [] }],
    peers: [
      {
        name: "matmul 512",
        flops: 1e9,
        ratio: 3,
        fastest: "other",
        engines: [
          { engine: "ours", version: null, right: true, time: summary(1) },
          { engine: "other", version: "1.0", right: true, time: summary(3) },
        ],
      },
    ],
  });
  const page = renderBench(full, compare(full, full));

  it("has a point for each kernel, with its name and share of the ceiling", () => {
    const titles = [...page.matchAll(/<circle[^>]*><title>([^<]*)<\/title>/g)].map(([, title]) => title);
    expect(titles).toContain("matmul 8x8x8: 500 GFLOP/s, 50 % of the ceiling");
    expect(titles.some((title) => title!.startsWith("add 4x4: 1 GFLOP/s, 4 % of"))).toBe(true);
    // Time and memory at each of four batches.
    expect(titles.filter((title) => title!.startsWith("batch ")).length).toBe(8);
  });

  it("loads nothing and escapes what it shows", () => {
    expect(page).not.toMatch(/\b(?:src|href)="(?!data:|#)/);
    expect(page).not.toContain("<script>");
    expect(page).toContain("an adapter &lt;1&gt;");
    expect(page).toContain("a &lt;step&gt;");
  });

  it("carries the numbers", () => {
    const [, json] = /<script type="application\/json" id="bench-data">(.*)<\/script>/.exec(page)!;
    expect(JSON.parse(json!)).toEqual(full);
  });

  it("shows the peers' ratio and the comparison", () => {
    expect(page).toContain("3.00x ours");
    expect(page).toContain("Against an earlier run");
    expect(renderBench(result([]), null)).not.toContain("Against an earlier run");
  });
});

it("a logarithmic plot places a decade as wide as the next and leaves out what has no logarithm", () => {
  const at = (x: number) => ({ x, y: x, title: String(x) });
  const { text } = logPlot("plot", "x", "y", [{ name: "s", color: "red", points: [at(1), at(10), at(100), at(0)] }]);
  const centres = [...text.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
  expect(centres.length).toBe(3);
  const [a, b, c] = centres as [number[], number[], number[]];
  expect(b[0]! - a[0]!).toBeCloseTo(c[0]! - b[0]!, 0);
  expect(b[1]!).toBeLessThan(a[1]!);
});

it("says what of a step is fixed", () => {
  const point = (x: number) => ({ x, flops: 1e9 * x, time: summary(20 + 5 * x), peak: 0, dispatches: 10 });
  const text = linearity([1, 2, 4, 8, 16].map(point));
  expect(text).toContain("about 20 ms are fixed (2 ms for each of 10 dispatches)");
  expect(text).toContain("half of the step at 4 or before");
  expect(text).toContain("200 GFLOP/s");
});

it("says what replay, tuning and fusion buy, and when the noise hides it", () => {
  const step = (mode: string, milliseconds: number, spread = 0.01) =>
    row(`tiny ${mode}`, 1, { group: "train", block: "train tiny", wall: summary(milliseconds, spread) });
  expect(gainNotes([step("eager", 20), step("replayed", 10)])).toEqual([
    "train tiny: replayed 2.00 times as fast as eager",
  ]);
  expect(gainNotes([step("eager", 11, 0.5), step("replayed", 10, 0.5)])[0]).toMatch(/within the noise of ±\d+ %$/);
  expect(gainNotes([step("replayed", 10)])).toEqual([]);
  expect(gainNotes([step("replayed", 10), step("tuned", 8), step("unfused", 15)])).toEqual([
    "train tiny: fused 1.50 times as fast as unfused",
    "train tiny: tuned 1.25 times as fast as untuned",
  ]);
});
