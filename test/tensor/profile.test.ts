import { describe, expect, it } from "vitest";
import { renderProfile } from "../../src/report/profile.ts";
import { groupSpans, median, type Profile, type Span, showShapes, totalOf } from "../../src/tensor/profile.ts";
import { chromeTrace } from "../../src/tensor/trace.ts";

const blank: Span = {
  op: "relu",
  gradient: false,
  layer: "",
  shape: "8",
  kernel: "unary OP=0",
  groups: [1, 1, 1],
  seconds: 0,
  fastest: 0,
  first: 0,
  flops: 0,
  bytes: 0,
  begin: 0,
  end: 0,
  live: 0,
};

// 1 GFLOP/s and 1 GB/s: a million operations, and a million bytes, take a millisecond.
const limits = { flops: 1e9, bytes: 1e9, dispatch: 1e-5 };
const conv = { op: "conv2d", layer: "a.conv1", shape: "1×8×8×4 · 3×3×4×4", kernel: "conv2d_tiled T=8" };
const spans: Span[] = [
  { ...blank, ...conv, seconds: 4e-3, flops: 2e6, bytes: 1e6, begin: 0, end: 4e-3, live: 1000 },
  { ...blank, seconds: 1e-3, flops: 1e3, bytes: 5e5, begin: 4e-3, end: 5e-3, live: 3000 },
  {
    ...blank,
    ...conv,
    gradient: true,
    layer: "b",
    seconds: 3e-3,
    flops: 3e6,
    bytes: 1e5,
    begin: 5e-3,
    end: 8e-3,
    live: 500,
  },
];
const profile: Profile = {
  source: "timestamps",
  notes: ["every dispatch in a pass of its own"],
  runs: 3,
  limits,
  spans,
  plain: 7.5e-3,
  profiled: 8.2e-3,
  host: 1.5e-4,
  memory: { naive: 3 * 2 ** 20, planned: 2 ** 20, leastPossible: 2 ** 19 },
  compile: [{ kernel: "conv2d_tiled T=8", create: 0.25, firstUse: 0.125 }],
  encoded: { begin: -5e-4, end: 0 },
};

describe("grouping", () => {
  it("adds up by op, and compares with the limit that binds each span", () => {
    const [first, second, third] = groupSpans(spans, "op", limits);
    expect([first!.name, second!.name, third!.name]).toEqual(["conv2d", "conv2d gradient", "relu"]);
    expect(first).toMatchObject({ count: 1, seconds: 4e-3, flops: 2e6, bytes: 1e6, bound: "compute" });
    expect(first!.share).toBeCloseTo(0.5, 12);
    // 2 ms of arithmetic in 4 ms; 3 of 3; 0.5 ms of traffic in 1 ms.
    expect(first!.attained).toBeCloseTo(0.5, 12);
    expect(second!.attained).toBeCloseTo(1, 12);
    expect(third).toMatchObject({ bound: "memory" });
    expect(third!.attained).toBeCloseTo(0.5, 12);
  });

  it("knows layers, shapes and kernels, forward and gradient apart where they differ", () => {
    expect(groupSpans(spans, "layer", limits).map(({ name }) => name)).toEqual(["a.conv1", "b", "(no layer)"]);
    expect(groupSpans(spans, "kernel", limits).map(({ name, count }) => [name, count])).toEqual([
      ["conv2d_tiled T=8", 2],
      ["unary OP=0", 1],
    ]);
    const shapes = groupSpans(spans, "shape", limits).map(({ name }) => name);
    expect(shapes).toEqual(["conv2d 1×8×8×4 · 3×3×4×4", "conv2d gradient 1×8×8×4 · 3×3×4×4", "relu 8"]);
  });

  it("accounts for every span whatever the grouping", () => {
    for (const by of ["op", "layer", "shape", "kernel"] as const) {
      const groups = groupSpans(spans, by, limits);
      expect(groups.reduce((sum, { seconds }) => sum + seconds, 0)).toBeCloseTo(8e-3, 12);
      expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(3);
      expect(groups.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
    }
    // 2 + 0.5 + 3 of 8 ms; the arithmetic outweighs.
    const total = totalOf(spans, limits);
    expect(total.attained).toBeCloseTo(5.5 / 8, 12);
    expect(total.bound).toBe("compute");
  });

  it("says where dispatching is what costs", () => {
    const slow = { ...limits, dispatch: 0.6e-3 };
    expect(groupSpans(spans, "op", slow).map(({ name, bound }) => [name, bound])).toEqual([
      ["conv2d", "compute"],
      ["conv2d gradient", "compute"],
      ["relu", "dispatch"],
    ]);
  });

  it("compares with nothing without limits, and divides by no zero", () => {
    expect(groupSpans(spans, "op", null)[0]).toMatchObject({ attained: null, bound: null });
    expect(totalOf([], limits)).toMatchObject({ share: 0, attained: null, bound: null, count: 0 });
    expect(totalOf([blank], limits)).toMatchObject({ share: 0, attained: null, bound: null });
  });
});

it.each([
  [
    [
      [2, 8, 8, 4],
      [3, 3, 4, 8],
    ],
    [2, 8, 8, 8],
    "2×8×8×4 · 3×3×4×8 → 2×8×8×8",
  ],
  [[[2, 8, 4], [4], [4]], [2, 8, 4], "2×8×4"],
  [
    [
      [2, 3],
      [2, 3],
    ],
    [2, 3],
    "2×3",
  ],
  [[[5, 7]], [], "5×7 → 1"],
  [[], [9], "→ 9"],
])("shapes in short: %j and %j", (inputs, output, expected) => {
  expect(showShapes(inputs, output)).toBe(expected);
});

it("medians are of odd and even numbers of values", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

describe("the trace", () => {
  const { traceEvents, displayTimeUnit } = chromeTrace(profile, "a step");

  it("has the fields that the format demands", () => {
    expect(displayTimeUnit).toBe("ms");
    expect(JSON.parse(JSON.stringify(traceEvents))).toEqual(traceEvents);
    for (const event of traceEvents) {
      expect(["X", "C", "M"]).toContain(event.ph);
      expect(Number.isFinite(event.ts) && event.ts >= 0).toBe(true);
      expect(Number.isInteger(event.pid) && Number.isInteger(event.tid)).toBe(true);
      if (event.ph === "X") expect(event.dur).toBeGreaterThanOrEqual(0);
    }
  });

  it("has a named track for the GPU and one for the host", () => {
    const names = traceEvents.filter(({ name }) => name === "thread_name").map(({ tid, args }) => [tid, args.name]);
    expect(names).toEqual([
      [1, "GPU"],
      [2, "host"],
    ]);
    const on = (tid: number) => traceEvents.filter((event) => event.ph === "X" && event.tid === tid);
    expect(on(1).map(({ name }) => name)).toEqual(["conv2d", "relu", "conv2d gradient"]);
    // Microseconds since the host began, half a millisecond before the GPU.
    expect(on(1).map(({ ts }) => Math.round(ts))).toEqual([500, 4500, 5500]);
    expect(on(1).map(({ dur }) => Math.round(dur!))).toEqual([4000, 1000, 3000]);
    expect(on(2)).toMatchObject([{ name: "encode, a pass for each dispatch", ts: 0, dur: 500 }]);
    expect(on(1)[0]!.args).toMatchObject({
      layer: "a.conv1",
      kernel: "conv2d_tiled T=8",
      "GFLOP/s": 0.5,
      "% of ceiling": 50,
    });
  });

  it("counts the memory that is alive, to the end", () => {
    const counted = traceEvents.filter(({ ph }) => ph === "C").map(({ ts, args }) => [Math.round(ts), args.bytes]);
    expect(counted).toEqual([
      [500, 1000],
      [4500, 3000],
      [5500, 500],
      [8500, 0],
    ]);
  });
});

describe("the table", () => {
  it("shows times, rates, ceilings, and the rest of the step", () => {
    const text = renderProfile(profile, { by: "op", title: ["a step"] });
    expect(text).toMatch(/^a step\nceilings of this adapter: 1\.00 GFLOP\/s \(.+\), 1\.00 GB\/s \(copy\)\n/);
    expect(text).toMatch(/^conv2d +4\.00 +50\.0% +1 +0\.50 +0\.25 +50\.0% +compute$/m);
    expect(text).toMatch(/^relu +1\.00 +12\.5% +1 +0\.00 +0\.50 +50\.0% +memory$/m);
    expect(text).toMatch(/^total +8\.00 +100\.0% +3 /m);
    expect(text).toMatch(/7\.50 ms on the GPU when not profiled; profiled 8\.20 ms, of which 8\.00 ms in dispatches/);
    expect(text).toMatch(/dispatches +3; as many empty ones would take 0\.030 ms, 10 µs each/);
    expect(text).toMatch(/0\.150 ms a step to encode and submit, 2\.0% of it/);
    expect(text).toMatch(/1\.0 MiB planned by lifetime; 3\.0 MiB with a buffer for each tensor, 0\.5 MiB/);
    expect(text).toMatch(/1 pipelines: 250 ms to make them, 125 ms more at their first dispatch/);
    expect(text.endsWith("\n") && !text.endsWith("\n\n")).toBe(true);
  });

  it("cuts long tables, and says what is left out", () => {
    const text = renderProfile(profile, { by: "op", rows: 1 });
    expect(text).toMatch(/^2 more +4\.00 +50\.0%$/m);
    expect(text).not.toMatch(/^relu +1\.00 +12\.5%/m);
  });
});
