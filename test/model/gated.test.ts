import { expect, it } from "vitest";
import { encoders } from "../../src/model/encoder.ts";
import { GatedNetwork } from "../../src/model/gated.ts";
import { SingleNetwork, type SingleOutput } from "../../src/model/single.ts";
import { Init, inference } from "../../src/nn/module.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scope } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

const device = await testDevice();

it.each(["classify", "segment"] as const)(
  "a network with gates, to %s, gives its maps from before they are weighed, and weighs what goes on",
  async (task) => {
    const plain = new SingleNetwork(new Init(device, new Rng(1)), 1, 3, encoders.tiny, task);
    const gated = new GatedNetwork(new Init(device, new Rng(1)), 1, 3, encoders.tiny, task);
    const x = device.upload(
      new Float32Array(2 * 32 * 32).map((_, i) => Math.sin(i)),
      [2, 32, 32, 1],
      "f32",
    );
    // The gates of all maps alike: the sigmoid of their bias.
    const setGates = (biases: readonly number[]) => {
      for (const [i, { fc2 }] of gated.gates.entries()) {
        device.write(fc2.weight, new Float32Array(fc2.weight.size));
        device.write(fc2.bias, new Float32Array(fc2.bias.size).fill(biases[i]!));
      }
    };
    const run = async (network: SingleNetwork) => {
      const output: SingleOutput = scope(() => network.forward(x, inference));
      const read = (tensors: SingleOutput["maps"]) => Promise.all(tensors.map((tensor) => tensor.read()));
      return {
        scores: await read(output.scores),
        features: await read(output.features),
        maps: await read(output.maps),
      };
    };
    const expected = await run(plain);
    setGates([40, 40, 40, 40]);
    expect(await run(gated)).toEqual(expected);
    // The last stage's maps come before its gate, what is said of them behind it.
    setGates([40, 40, 40, -1]);
    const weighed = await run(gated);
    expect(weighed.maps).toEqual(expected.maps);
    expect(weighed.features.slice(0, task === "classify" ? 1 : 2)).toEqual(
      expected.features.slice(0, task === "classify" ? 1 : 2),
    );
    expect(weighed.scores).not.toEqual(expected.scores);
    // An earlier gate weighs what the next stage sees.
    setGates([40, -1, 40, 40]);
    const early = await run(gated);
    expect(early.maps[0]).toEqual(expected.maps[0]);
    expect(early.maps[1]).not.toEqual(expected.maps[1]);
    plain.dispose();
    gated.dispose();
  },
);
