import { describe, expect, it } from "vitest";
import { Encoder, encoders } from "../../src/model/encoder.ts";
import { SingleNetwork } from "../../src/model/single.ts";
import { Init, inference, type Stored } from "../../src/nn/module.ts";
import { FormatError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { noGrad } from "../../src/tensor/tape.ts";
import { scope } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

it("names parameters as PyTorch does", async () => {
  const device = await testDevice();
  const encoder = new Encoder(new Init(device, new Rng(1)), 3, {
    ...encoders.resnet18,
    widths: [8, 8, 16, 16],
    stem: 8,
  });
  const names = [...encoder.state().keys()];
  expect(names).toContain("conv1.weight");
  expect(names).toContain("bn1.running_mean");
  expect(names).toContain("layer1.0.conv1.weight");
  expect(names).toContain("layer4.1.bn2.running_var");
  expect(names).toContain("layer2.0.downsample.0.weight");
  expect(names).toContain("layer2.0.downsample.1.bias");
  expect(names).not.toContain("layer1.0.downsample.0.weight");
  expect([...encoder.parameters().keys()].some((name) => name.includes("running"))).toBe(false);
  encoder.dispose();
});

it("has the tiny network's documented size", async () => {
  const device = await testDevice();
  const network = new SingleNetwork(new Init(device, new Rng(1)), 3, 10, encoders.tiny);
  expect(network.parameterCount()).toBe(172_746);
  network.dispose();
});

it("stores convolutions as OIHW and gets the same network back", async () => {
  const device = await testDevice();
  const build = (seed: number) => new SingleNetwork(new Init(device, new Rng(seed)), 3, 4, encoders.tiny);
  const [first, second] = [build(1), build(2)];
  const stored = await first.stateDict();
  expect(stored.get("encoder.conv1.weight")!.shape).toEqual([16, 3, 3, 3]);
  expect(stored.get("head.fc.weight")!.shape).toEqual([4, 96]);
  const weight = first.state().get("encoder.conv1.weight")!;
  const memory = await weight.read();
  // [kh,kw,in,out] in memory, [out,in,kh,kw] stored: element (1,2,0,5) of the one is (5,0,1,2) of the other.
  expect(stored.get("encoder.conv1.weight")!.data[((5 * 3 + 0) * 3 + 1) * 3 + 2]).toBe(
    memory[((1 * 3 + 2) * 3 + 0) * 16 + 5],
  );
  expect(second.loadStateDict(stored)).toEqual({ missing: [], unexpected: [] });
  const x = device.upload(new Float32Array(2 * 16 * 16 * 3).fill(0.5), [2, 16, 16, 3]);
  const run = (network: SingleNetwork) => scope(() => noGrad(() => network.forward(x, inference).scores[0]!));
  const outputs = [run(first), run(second)];
  expect(await outputs[1]!.read()).toEqual(await outputs[0]!.read());
  for (const tensor of [x, ...outputs]) tensor.dispose();
  for (const network of [first, second]) network.dispose();
});

describe("loadStateDict", () => {
  const build = async () => {
    const network = new SingleNetwork(new Init(await testDevice(), new Rng(1)), 1, 4, encoders.tiny);
    return { network, before: await network.stateDict() };
  };
  const ones = (...shape: number[]): Stored => ({
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1),
  });
  const flip = ({ shape, data }: Stored): Stored => ({ shape, data: data.map((value) => -value) });

  it("names every tensor that does not fit, and changes nothing", async () => {
    const { network, before } = await build();
    const stored = new Map([...before].map(([name, tensor]) => [name, flip(tensor)]));
    stored.delete("encoder.bn1.weight");
    stored.set("head.fc.bias", ones(5));
    stored.set("encoder.conv1.weight", { ...ones(16, 1, 3, 3), data: new Float32Array(9) });
    stored.set("classifier.weight", ones(2));
    const load = () => network.loadStateDict(stored, { origin: "weights.safetensors" });
    expect(load).toThrow(FormatError);
    expect(load).toThrow(
      `weights.safetensors: expected the ${before.size} tensors of the module, got 1 missing: encoder.bn1.weight; ` +
        "1 unexpected: classifier.weight; 2 of another shape: encoder.conv1.weight 9 elements for [16,1,3,3], head.fc.bias [5] for [4]",
    );
    expect(await network.stateDict()).toEqual(before);
    // A wrong shape is wrong however strict one is.
    expect(() => network.loadStateDict(stored, { strict: false })).toThrow(
      /^state dict: expected the \d+ tensors of the module, got 2 of another shape: [^;]+$/,
    );
    expect(await network.stateDict()).toEqual(before);
    network.dispose();
  });

  it("loads what there is and says what there is not, unless strict", async () => {
    const { network, before } = await build();
    const stored = new Map([["head.fc.bias", ones(4)] as const, ["classifier.weight", ones(2)] as const]);
    expect(() => network.loadStateDict(stored)).toThrow(/got \d+ missing: .* and \d+ more; 1 unexpected: classifier/);
    const { missing, unexpected } = network.loadStateDict(stored, { strict: false });
    expect(missing).toEqual([...before.keys()].filter((name) => name !== "head.fc.bias"));
    expect(unexpected).toEqual(["classifier.weight"]);
    expect(await network.stateDict()).toEqual(new Map(before).set("head.fc.bias", ones(4)));
    network.dispose();
  });

  it("passes over what only PyTorch's batch norms count", async () => {
    const { network, before } = await build();
    const counter = { shape: [], data: new Float32Array([7]) };
    const stored = new Map([...before, ["encoder.bn1.num_batches_tracked", counter] as const]);
    expect(network.loadStateDict(stored)).toEqual({ missing: [], unexpected: [] });
    expect(await network.stateDict()).toEqual(before);
    network.dispose();
  });
});

it("makes parameters that depend on seed and path only", async () => {
  const device = await testDevice();
  const init = new Init(device, new Rng(7));
  const a = init.at("x").normal([64], 1);
  init.at("y").normal([3], 1);
  const b = init.at("x").normal([64], 1);
  expect(await b.read()).toEqual(await a.read());
  for (const tensor of [a, b]) tensor.dispose();
});
