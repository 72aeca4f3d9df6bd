import { makeBatch } from "../../src/data/batch.ts";
import { sceneDataset } from "../../src/data/scenes/index.ts";
import { buildMethod, type NetworkConfig } from "../../src/model/methods.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import { defaultTraining, Trainer } from "../../src/model/train.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { Rng } from "../../src/tensor/rng.ts";

/** SHA-256 of all weights after a number of one-stage training steps on procedural scenes: one value per adapter. */
export async function trainingHash(device: GpuDevice, steps: number): Promise<string> {
  const data = sceneDataset({ seed: 5, width: 24, height: 24, train: 64, val: 8, test: 8 });
  const classes = data.classes.length;
  const rng = new Rng(5);
  const config: NetworkConfig = {
    model: "tiny",
    classes,
    fusion: "deep",
    normalise: true,
    privileged: "frozen",
    weights: defaultWeights,
  };
  const privileged = buildMethod("privileged-depth", device, rng.fork("privileged"), config);
  const method = buildMethod("one-stage-rgb", device, rng.fork("network"), config, { privileged });
  const trainer = new Trainer(device, method, defaultTraining(steps), rng.fork("trainer"));
  const augmentation = { crop: 20, flip: true, jitter: 0.4, gain: 0.1 };
  for (let step = 0; step < steps; step++) {
    const indices = Array.from({ length: 8 }, (_, i) => (8 * step + i) % 64);
    await trainer.step(makeBatch(data, "train", indices, { mean: 4, std: 2 }, { augmentation, rng, epoch: step >> 3 }));
  }
  const state = await trainer.state();
  const total = [...state.values()].reduce((sum, values) => sum + values.length, 0);
  const all = new Float32Array(total);
  let offset = 0;
  for (const values of state.values()) {
    all.set(values, offset);
    offset += values.length;
  }
  const digest = await crypto.subtle.digest("SHA-256", all);
  trainer.dispose();
  method.network.dispose();
  privileged.network.dispose();
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
