import { expect, it } from "vitest";
import { buildMethod, type Method, type MethodName, type NetworkConfig } from "../../src/model/methods.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import { planStages } from "../../src/model/plan.ts";
import type { Task } from "../../src/model/task.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { testDevice } from "../device.ts";

const device = await testDevice();
const base: NetworkConfig = {
  ...{ model: "tiny", classes: 3, fusion: "deep", normalise: true, privileged: "frozen", hallInit: "privileged" },
  weights: defaultWeights,
};

const build = (name: MethodName, config: NetworkConfig, needed: Record<string, Method> = {}) =>
  buildMethod(name, device, new Rng(3, name), config, needed);

/** All numbers of a method's network by name. */
async function valuesOf(method: Method): Promise<Map<string, Float32Array>> {
  return new Map([...(await method.network.stateDict())].map(([name, { data }]) => [name, data]));
}

/** Whether two arrays have the same numbers: much faster than `toEqual`. */
const alike = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((value, i) => value === b[i]);

const isStem = (name: string) => /^(h|encoder)\.(conv1|bn1)\./.test(name);

/** What a stream's tensors are called in the network of P, null for those of other parts. */
type Naming = (name: string) => string | null;

/** Expects the tensors of a stream to be P's after `begin`, but for its stem, and all others as they were. */
async function expectStarted(method: Method, privileged: Method, naming: Naming) {
  const [before, theirs] = [await valuesOf(method), await valuesOf(privileged)];
  await method.begin!();
  const after = await valuesOf(method);
  let taken = 0;
  for (const [name, values] of after) {
    const from = naming(name);
    const own = from === null || isStem(name);
    expect(alike(values, (own ? before.get(name) : theirs.get(from))!), name).toBe(true);
    if (!own) taken++;
  }
  // The stem's weights, and the four tensors of its batch norm.
  expect(taken).toBe(theirs.size - 5);
}

/** H of a one-stage network, whose encoder and head are apart. */
const streamH: Naming = (name) =>
  /^(h|head_h)\./.test(name) ? name.replace(/^h\./, "encoder.").replace(/^head_h\./, "head.") : null;

it.each([
  ["one-stage-rgb", "privileged-depth", "privileged", "classify", streamH],
  ["one-stage-rgb", "privileged-depth", "privileged", "segment", streamH],
  ["one-stage-depth", "privileged-rgb", "privileged", "classify", streamH],
  ["hallucination-rgb", "privileged-depth", "teacher", "classify", (name: string) => name],
] as [MethodName, MethodName, string, Task, Naming][])(
  "H of %s starts from %s, but for its stem",
  async (name, privilegedName, part, task, naming) => {
    const config = { ...base, task };
    const privileged = build(privilegedName, config);
    const method = build(name, config, { [part]: privileged });
    await expectStarted(method, privileged, naming);
    expect(build(name, { ...config, hallInit: "fresh" }, { [part]: privileged }).begin).toBeUndefined();
  },
);

it("of three modalities each stream starts from its own P, with the stem where that sees as many channels", async () => {
  const config: NetworkConfig = { ...base, modalities: ["rgb", "depth", "ir"] };
  const [rgb, ir] = [build("privileged-rgb", config), build("privileged-ir", config)];
  const method = build("one-stage-depth", config, { "privileged-rgb": rgb, "privileged-ir": ir });
  const [first, second] = [await valuesOf(rgb), await valuesOf(ir)];
  await method.begin!();
  const after = await valuesOf(method);
  for (const [name, values] of second) expect(alike(after.get(`more.0.${name}`)!, values), name).toBe(true);
  const deep = "layer1.0.conv1.weight";
  expect(alike(after.get(`h.${deep}`)!, first.get(`encoder.${deep}`)!)).toBe(true);
  expect(after.get("h.conv1.weight")!.length).not.toBe(first.get("encoder.conv1.weight")!.length);
});

it("needs P even where nothing else is learnt from it", () => {
  const without = { ...defaultWeights, alpha: 0, beta: 0 };
  const options = { methods: ["one-stage-rgb"] as MethodName[], epochs: 2, privilegedEpochs: 1 };
  const stages = (hallInit: "fresh" | "privileged") =>
    planStages({ ...options, privileged: "frozen", hallInit, weights: without }).map(({ name }) => name);
  expect(stages("fresh")).toEqual(["one-stage-rgb"]);
  expect(stages("privileged")).toEqual(["privileged-depth", "one-stage-rgb"]);
});

it("cannot start from a network of several modalities", async () => {
  const all = build("rgbd", base);
  const method = build("one-stage-rgb", { ...base, teacher: "both" }, { privileged: all });
  await expect(method.begin!()).rejects.toThrow(
    "--hall-init: expected a network of one modality to start from, got one of several",
  );
});
