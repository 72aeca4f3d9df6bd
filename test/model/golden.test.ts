import { describe, expect, it } from "vitest";
import { buildMethod, type Method, type MethodName, methods, type NetworkConfig } from "../../src/model/methods.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import { inference } from "../../src/nn/module.ts";
import type { Device } from "../../src/tensor/device.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { noGrad } from "../../src/tensor/tape.ts";
import recorded from "../golden/two_modalities.json";
import { OracleDevice, valuesOf } from "../oracle/device.ts";

const config: NetworkConfig = {
  ...{ model: "tiny", classes: 3, fusion: "deep", normalise: true, privileged: "frozen" },
  weights: { ...defaultWeights, restore: 0.5 },
};
const [size, side] = [3, 16];

/** FNV-1a over the names, shapes and f32 bits of all that is trained or kept: the same on every machine. */
function hashOf({ trained }: Method): string {
  let hash = 0xcbf29ce484222325n;
  const count = (bytes: Uint8Array) => {
    for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  };
  for (const [part, module] of trained) {
    for (const [name, tensor] of module.state()) {
      count(new TextEncoder().encode(`${part}.${name} ${tensor.shape} `));
      // Every 16th element and the first ones: another order or generator changes them all.
      const values = Float32Array.from(valuesOf(tensor)).filter((_, i) => i < 8 || i % 16 === 0);
      count(new Uint8Array(values.buffer));
    }
  }
  return hash.toString(16);
}

function batchOf(device: Device, seed: number) {
  const rng = new Rng(seed);
  const image = (name: string, channels: number) => {
    const own = rng.fork(name);
    const values = Float64Array.from({ length: size * side * side * channels }, () => own.uniform(-1, 1));
    return device.upload(values, [size, side, side, channels], "f32");
  };
  return { rgb: image("rgb", 3), depth: image("depth", 1), target: device.upload([0, 2, 1], [size], "u32") };
}

/** What a method of two modalities starts from, and its loss on two batches. */
function golden(name: MethodName) {
  const device = new OracleDevice();
  const needs = Object.entries(methods[name].needs(config));
  const needed = needs.map(([part, need]) => [part, buildMethod(need, device, new Rng(7, need), config)] as const);
  const method = buildMethod(name, device, new Rng(7, name), config, Object.fromEntries(needed));
  // Without dropout, for which there is no reference: a random choice of images has none either.
  const batches = name === "modality-dropout" ? [] : [1, 2];
  const losses = batches.map((batch) =>
    noGrad(() => valuesOf(method.loss(batchOf(device, batch), inference).total)[0]!.toPrecision(10)),
  );
  return { weights: hashOf(method), losses };
}

describe("networks of two modalities keep their names, first weights and losses", () => {
  it.each(Object.entries(recorded))("%s", (name, expected) => {
    expect(golden(name as MethodName)).toEqual(expected);
  });
});
