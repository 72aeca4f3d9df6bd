import { describe, expect, it } from "vitest";
import { matches } from "../../bench/cases.ts";
import { compare } from "../../bench/compare.ts";
import { kernelCases } from "../../bench/kernels.ts";
import { rating } from "../../bench/peers.ts";
import { attained, judged, parseResult } from "../../bench/result.ts";
import { stepCases } from "../../bench/steps.ts";
import { comparisonText, factsText } from "../../bench/text.ts";
import { UsageError } from "../../src/tensor/errors.ts";
import { result, row, summary } from "./fixture.ts";

describe("a comparison", () => {
  const before = result([row("a", 10), row("b", 10), row("c", 10), row("gone", 1)]);

  it("marks what is beyond the noise, either way, and nothing else", () => {
    const { changes, onlyBefore, onlyAfter } = compare(
      before,
      result([row("a", 10.3), row("b", 12), row("c", 8), row("new", 1)]),
    );
    expect(changes.map(({ name, verdict }) => [name, verdict])).toEqual([
      ["kernel a", "same"],
      ["kernel b", "slower"],
      ["kernel c", "faster"],
    ]);
    expect(changes[1]!.change).toBeCloseTo(0.2, 12);
    expect(onlyBefore).toEqual(["kernel gone"]);
    expect(onlyAfter).toEqual(["kernel new"]);
  });

  it("finds the opposite the other way round", () => {
    const after = result([row("a", 10.49), row("b", 11), row("c", 9.4)]);
    const opposite = { faster: "slower", slower: "faster", same: "same" };
    const forth = compare(before, after).changes.map(({ verdict }) => opposite[verdict]);
    expect(compare(after, before).changes.map(({ verdict }) => verdict)).toEqual(forth);
    expect(forth).toContain("faster");
  });

  it("lets noisy measurements differ more", () => {
    const noisy = (milliseconds: number) => result([row("a", 1, { gpu: summary(milliseconds, 0.3) })]);
    expect(compare(noisy(10), noisy(12)).changes[0]!.verdict).toBe("same");
    expect(compare(noisy(10), noisy(20)).changes[0]!.verdict).toBe("slower");
  });

  it("compares wall times where one run has no timestamps", () => {
    const [change] = compare(before, result([row("a", 10, { gpu: null })])).changes;
    expect([change!.before, change!.after]).toEqual([15, 15]);
  });

  it("warns when the adapters differ", () => {
    const other = result([row("a", 10)]);
    other.facts.adapter.description = "another";
    const { warnings } = compare(before, other);
    expect(warnings).toEqual(["other adapter: an adapter <1> before, another now"]);
    expect(comparisonText(compare(before, other))).toContain("careful: other adapter");
  });

  it("takes a browser for what it says: no driver, no processor, another runtime", () => {
    const page = result([row("a", 10)]);
    Object.assign(page.facts.adapter, { device: "", description: "" });
    page.facts.machine.processor = "unknown";
    page.facts.versions = { onestage: "0.0.0", node: null, webgpu: null, browser: "Firefox 141.0" };
    expect(compare(before, page).warnings).toEqual(["other runtime: Node with webgpu 0.0.0 before, Firefox 141.0 now"]);
    page.facts.adapter.architecture = "another";
    expect(compare(before, page).warnings[0]).toBe("other adapter: nobody none before, nobody another now");
    page.facts.load.before = [];
    expect(factsText(page.facts).split("\n")).toEqual([
      "adapter   nobody another (GPU)",
      "machine   unknown, 2 cores, 16384 MiB, load unknown",
      "versions  onestage 0.0.0, Firefox 141.0",
      "",
    ]);
  });
});

describe("the JSON", () => {
  it("is read back as it was written", () => {
    const written = result([row("a", 10)]);
    expect(parseResult(JSON.stringify(written), "a.json")).toEqual(written);
  });

  it.each([
    ["no JSON", "{"],
    ["null", "null"],
    ["another format", '{"format":"other/1","rows":[]}'],
    ["rows without times", '{"format":"onestage-bench/1","rows":[{"name":"a"}]}'],
    ["no rows", '{"format":"onestage-bench/1"}'],
    ["no facts", '{"format":"onestage-bench/1","rows":[]}'],
    ["a number for a time", '{"format":"onestage-bench/1","rows":[{"name":"a","group":"kernel","wall":1}]}'],
  ])("is refused with the file's name where it is something else: %s", (_, text) => {
    expect(() => parseResult(text, "a.json")).toThrow(UsageError);
    expect(() => parseResult(text, "a.json")).toThrow(/^a\.json: expected /);
  });
});

describe("what a row attains", () => {
  const { ceilings } = result([]);

  it("is measured against arithmetic or memory, whichever limits it", () => {
    // 2 GFLOP in 4 ms of 1 TFLOP/s; 100 MB in 4 ms of 100 GB/s.
    expect(attained(row("a", 4), ceilings)).toBeCloseTo(0.5, 12);
    expect(attained(row("a", 4, { flops: 1e6, bytes: 1e8 }), ceilings)).toBeCloseTo(0.25, 12);
    expect(attained(row("a", 4, { flops: null }), ceilings)).toBeNull();
    expect(attained(row("a", 4), null)).toBeNull();
  });

  it("is the GPU's time for kernels and wall time for steps", () => {
    expect(judged(row("a", 4)).median).toBe(4);
    expect(judged(row("a", 4, { group: "train" })).median).toBe(6);
    expect(judged(row("a", 4, { gpu: null })).median).toBe(6);
  });
});

describe("the filter", () => {
  it("wants every word, in any order and letter case", () => {
    const one = { name: "conv2d 3x3 8x56x56x64-64 dw", group: "kernel" } as const;
    for (const filter of ["", "conv2d", "DW conv2d", "kernel 3x3", "56x56"])
      expect(matches(one, filter), filter).toBe(true);
    for (const filter of ["conv2d dx", "train", "matmul"]) expect(matches(one, filter), filter).toBe(false);
  });

  it("can name each case alone: no two have the same name", () => {
    const names = [...kernelCases(), ...stepCases()].map(({ group, name }) => `${group} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(100);
  });
});

describe("the ratio of the peers", () => {
  const engine = (name: string, milliseconds: number, right = true) => ({
    engine: name,
    version: null,
    right,
    time: summary(milliseconds),
  });

  it("is the fastest right peer's time over ours", () => {
    const rows = [engine("ours", 2), engine("a", 9), engine("b", 6), engine("fast but wrong", 1, false)];
    expect(rating(rows)).toEqual({ ratio: 3, fastest: "b" });
  });

  it("is none where we are wrong or alone", () => {
    expect(rating([engine("ours", 2, false), engine("a", 9)]).ratio).toBeNull();
    expect(rating([engine("ours", 2), { engine: "a", version: null, skipped: "cannot" }]).ratio).toBeNull();
  });
});
