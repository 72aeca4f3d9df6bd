import { expect, it } from "vitest";
import { Encoder, encoders } from "../../src/model/encoder.ts";
import { SingleNetwork } from "../../src/model/single.ts";
import { Init, inference, loadState, type Stored, saveState } from "../../src/nn/module.ts";
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
  const stored = await saveState(first);
  expect(stored.get("encoder.conv1.weight")!.shape).toEqual([16, 3, 3, 3]);
  expect(stored.get("head.fc.weight")!.shape).toEqual([4, 96]);
  const weight = first.state().get("encoder.conv1.weight")!;
  const memory = await weight.read();
  // [kh,kw,in,out] in memory, [out,in,kh,kw] stored: element (1,2,0,5) of the one is (5,0,1,2) of the other.
  expect(stored.get("encoder.conv1.weight")!.data[((5 * 3 + 0) * 3 + 1) * 3 + 2]).toBe(
    memory[((1 * 3 + 2) * 3 + 0) * 16 + 5],
  );
  loadState(second, stored, "test");
  const x = device.upload(new Float32Array(2 * 16 * 16 * 3).fill(0.5), [2, 16, 16, 3]);
  const run = (network: SingleNetwork) => scope(() => noGrad(() => network.forward(x, inference).scores[0]!));
  const outputs = [run(first), run(second)];
  expect(await outputs[1]!.read()).toEqual(await outputs[0]!.read());
  for (const tensor of [x, ...outputs]) tensor.dispose();
  for (const network of [first, second]) network.dispose();
});

it("refuses stored tensors that do not fit, and changes nothing", async () => {
  const device = await testDevice();
  const network = new SingleNetwork(new Init(device, new Rng(1)), 1, 4, encoders.tiny);
  const before = await saveState(network);
  const stored = new Map<string, Stored>(before);
  stored.set("head.fc.bias", { shape: [5], data: new Float32Array(5) });
  expect(() => loadState(network, stored, "weights.safetensors")).toThrow(
    "weights.safetensors: head.fc.bias: expected shape [4], got [5]",
  );
  stored.delete("head.fc.bias");
  expect(() => loadState(network, stored, "weights.safetensors")).toThrow('expected a tensor "head.fc.bias"');
  expect(await saveState(network)).toEqual(before);
  network.dispose();
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
