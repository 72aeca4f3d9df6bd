import { describe, expect, it } from "vitest";
import type { CompareConfig, CompareRow } from "../../src/cli/compare/config.ts";
import { cellsOf, stagesOf } from "../../src/cli/compare/matrix.ts";
import type { Given } from "../../src/cli/settings.ts";
import { methods, type Read } from "../../src/model/methods.ts";
import type { DatasetFacts } from "../../src/run/dataset.ts";

const facts: DatasetFacts = {
  ...{ name: "some", width: 56, height: 56, classes: ["a", "b"], splits: { train: 100, val: 10 } },
  ...{ depth: { mean: 1, std: 0.5 }, classWeights: null, validation: null, evaluation: "val" },
};

const row = (id: string, settings: Given = {}): CompareRow => ({ id, label: null, method: "one-stage", settings });

/** Keys of all networks that rows need. */
function keysOf(rows: CompareRow[], settings: Given = {}): string[] {
  const config: CompareConfig = {
    ...{ title: "", about: null, settings, seeds: [1], directions: ["rgb"], rows },
    ...{ ours: rows[0]!.id, head: "fused", baseline: null, upper: null, groups: null },
  };
  return cellsOf(config, { data: "/some" }, facts).flatMap(({ stage }) => stagesOf(stage).map(({ key }) => key));
}

const rows = [row("plain"), row("scaled", { scale: "1,1.4", lambda: 0.1 }), row("alone", { alpha: 0, beta: 0 })];

describe("the keys of networks", () => {
  it("are those of before there were optimisers and schedules to choose, so that what is done stays done", () => {
    expect(keysOf(rows, { epochs: 30 })).toEqual([
      "privileged-depth-s1-e4b93c34de",
      "one-stage-rgb-s1-189319781c",
      "privileged-depth-s1-136864090d",
      "one-stage-rgb-s1-e155209de4",
      "one-stage-rgb-s1-8c18b2b022",
    ]);
  });

  const plain = keysOf([row("plain")]);

  it.each<Given>([
    { optimiser: "adamw", weightDecay: 0.05, clip: 5 },
    { schedule: "one-cycle", warmUp: 0.2, startDivisor: 10, endDivisor: 1000 },
    { recipe: "none" },
  ])("do not change with %j, the defaults", (settings) => {
    expect(keysOf([row("same", settings)])).toEqual(plain);
  });

  it.each<Given>([
    { optimiser: "adam" },
    { weightDecay: 0.01 },
    { clip: 0 },
    { schedule: "cosine" },
    { warmUp: 0.1 },
    { contextBins: "1,2,4,8" },
    { startDivisor: 25 },
    { endDivisor: 25e4 },
    { schedule: "steps", milestones: "1/2" },
  ])("change with %j, those of what is learnt from too", (settings) => {
    const keys = keysOf([row("other", settings)]);
    expect(keys).toHaveLength(plain.length);
    for (const [i, key] of keys.entries()) expect(key).not.toBe(plain[i]);
  });

  it("tell schedules apart by what they read", () => {
    const all = [
      ...keysOf([row("steps", { schedule: "steps" })]),
      ...keysOf([row("half", { schedule: "steps", milestones: "0.5" })]),
      ...keysOf([row("cosine", { schedule: "cosine" })]),
      ...keysOf([row("warm", { schedule: "cosine", warmUp: 0.2 })]),
    ];
    expect(new Set(all).size).toBe(all.length);
    // The divisors of the recipe's one cycle are not read any more.
    const given = { model: "tiny", epochs: 3, schedule: "constant", warmUp: 0 };
    const [recipe, byHand] = [
      keysOf([row("r", given)], { recipe: "nyuv2", scale: "1,1" }),
      keysOf([row("h", given)], {
        ...{ task: "segment", batch: 8, privilegedEpochs: 3, weightDecay: 1e-4, clip: 0, smoothing: 0, lr: 0.01 },
        ...{
          optimiser: "sgd",
          classWeights: "median",
          crop: 0,
          jitter: 0,
          gain: 0,
          hueSaturation: 0.1,
          valueShift: 25,
        },
      }),
    ];
    expect(recipe).toEqual(byHand);
  });
});

const bare = { name: "some", classes: ["a", "b"] } as unknown as DatasetFacts;

/** The keys of all stages of some methods with colour at test time, with these settings, by name. */
function keysByName(settings: Given): Map<string, string> {
  const all = ["kd", "two-stage", "one-stage", "mshnet", "rgbd", "dropout", "garcia", "admd", "ensemble", "hoffman"];
  // With gates in P there are none whose streams start from it.
  const heirs = settings.privilegedGates === "se" ? ["garcia", "admd", "hoffman"] : [];
  const rows = all
    .filter((name) => !heirs.includes(name))
    .map((method) => ({ id: method, label: null, method, settings }));
  const config = { seeds: [1], directions: ["rgb"], rows, settings: {} } as unknown as CompareConfig;
  const stages = cellsOf(config, { data: "/data", unlabelled: "/pool" }, bare).flatMap(({ stage }) => stagesOf(stage));
  return new Map(stages.map(({ name, key }) => [name, key]));
}

describe("the key of a stage", () => {
  it("is that of before there were settings by name, where they are the defaults", () => {
    const before = keysByName({});
    expect(before.get("one-stage-rgb")).toBe("one-stage-rgb-s1-830d5dfac8");
    expect(before.get("rgbd")).toBe("rgbd-s1-530d03a963");
    expect(before.get("kd-rgb")).toBe("kd-rgb-s1-41a6270010");
  });

  it.each([
    ["extra", 0, 2],
    ["fusionNorm", "batch", "none"],
    ["klPixels", "mean", "sum"],
    ["aligned", "map", "pooled"],
    ["jmmdEstimate", "quadratic", "linear"],
    ["jmmdLayers", "last", "all"],
    ["feature", 0, 3],
    ["featureLoss", "fitnet", "sp"],
    ["ramp", 0, 3],
    ["hallInit", "fresh", "privileged"],
    ["privilegedGates", "none", "se"],
  ] as const)("changes with %s where its method, or one that it needs, reads that", (setting, usual, other) => {
    const [before, same, after] = [keysByName({}), keysByName({ [setting]: usual }), keysByName({ [setting]: other })];
    expect(same).toEqual(before);
    const reads = (name: string) => methods[name as keyof typeof methods].reads.includes(setting satisfies Read);
    const changed = [...after].filter(([name, key]) => before.get(name) !== key).map(([name]) => name);
    expect(changed.length).toBeGreaterThan(0);
    for (const [name] of after) {
      if (reads(name)) expect(changed, name).toContain(name);
    }
    // Nobody else's but of those that are trained from one of them.
    const behind = new Set(["two-stage-rgb", "mshnet-rgb", "mshnet-student-rgb", "dropout-rgb"]);
    if (setting === "privilegedGates") for (const taught of ["kd-rgb", "hallucination-rgb"]) behind.add(taught);
    for (const name of changed) expect(reads(name) || behind.has(name), name).toBe(true);
  });

  it("tells two settings of the same value apart", () => {
    expect(keysByName({ aligned: "pooled" }).get("one-stage-rgb")).not.toBe(
      keysByName({ klPixels: "sum" }).get("one-stage-rgb"),
    );
    const more = (given: Given) => keysByName(given).get("one-stage-rgb");
    expect(more({ extra: 1, restore: 1 })).not.toBe(more({ restore: 1, fused: 1 }));
    expect(keysByName({ ramp: 1 }).get("one-stage-rgb")).not.toBe(keysByName({ ramp: 2 }).get("one-stage-rgb"));
  });
});
