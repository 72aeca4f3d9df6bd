import { describe, expect, it } from "vitest";
import type { CompareConfig } from "../../src/cli/compare/config.ts";
import { cellsOf, stagesOf } from "../../src/cli/compare/matrix.ts";
import type { Given } from "../../src/cli/settings.ts";
import { methods, type Read } from "../../src/model/methods.ts";
import type { DatasetFacts } from "../../src/run/dataset.ts";

const facts = { name: "some", classes: ["a", "b"] } as unknown as DatasetFacts;

/** The keys of all stages of some methods with colour at test time, with these settings, by name. */
function keys(settings: Given): Map<string, string> {
  const names = ["kd", "two-stage", "one-stage", "mshnet", "rgbd", "dropout", "garcia", "admd", "ensemble", "hoffman"];
  const rows = names.map((method) => ({ id: method, label: null, method, settings }));
  const config = { seeds: [1], directions: ["rgb"], rows, settings: {} } as unknown as CompareConfig;
  const stages = cellsOf(config, { data: "/data" }, facts).flatMap(({ stage }) => stagesOf(stage));
  return new Map(stages.map(({ name, key }) => [name, key]));
}

describe("the key of a stage", () => {
  it("is that of before there were settings by name, where they are the defaults", () => {
    const before = keys({});
    expect(before.get("one-stage-rgb")).toBe("one-stage-rgb-s1-830d5dfac8");
    expect(before.get("rgbd")).toBe("rgbd-s1-530d03a963");
    expect(before.get("kd-rgb")).toBe("kd-rgb-s1-41a6270010");
  });

  it.each([
    ["fusionNorm", "batch", "none"],
    ["klPixels", "mean", "sum"],
    ["aligned", "map", "pooled"],
    ["jmmdEstimate", "quadratic", "linear"],
    ["ramp", 0, 3],
    ["hallInit", "fresh", "privileged"],
  ] as const)("changes with %s where its method, or one that it needs, reads that", (setting, usual, other) => {
    const [before, same, after] = [keys({}), keys({ [setting]: usual }), keys({ [setting]: other })];
    expect(same).toEqual(before);
    const reads = (name: string) => methods[name as keyof typeof methods].reads.includes(setting satisfies Read);
    const changed = [...before].filter(([name, key]) => after.get(name) !== key).map(([name]) => name);
    expect(changed.length).toBeGreaterThan(0);
    for (const [name] of before) {
      if (reads(name)) expect(changed, name).toContain(name);
    }
    // Nobody else's but of those that are trained from one of them.
    const behind = new Set(["two-stage-rgb", "mshnet-rgb", "mshnet-student-rgb", "dropout-rgb"]);
    for (const name of changed) expect(reads(name) || behind.has(name), name).toBe(true);
  });

  it("tells two settings of the same value apart", () => {
    expect(keys({ aligned: "pooled" }).get("one-stage-rgb")).not.toBe(keys({ klPixels: "sum" }).get("one-stage-rgb"));
    expect(keys({ ramp: 1 }).get("one-stage-rgb")).not.toBe(keys({ ramp: 2 }).get("one-stage-rgb"));
  });
});
