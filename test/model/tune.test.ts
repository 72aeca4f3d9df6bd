import { afterEach, expect, it } from "vitest";
import { buildMethod } from "../../src/model/methods.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import { Predictor } from "../../src/model/predictor.ts";
import { defaultTraining, type HostBatch, Trainer } from "../../src/model/train.ts";
import { tunePrediction, tuneTraining } from "../../src/model/tune.ts";
import { useChoices } from "../../src/tensor/choices.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { families } from "../../src/tensor/variant.ts";
import { testDevice } from "../device.ts";

const rng = new Rng(3);
const random = (length: number) => Float32Array.from({ length }, () => rng.normal());
const batch: HostBatch = {
  size: 2,
  width: 16,
  height: 16,
  rgb: random(2 * 256 * 3),
  depth: random(2 * 256),
  target: Uint32Array.of(0, 1),
};

afterEach(async () => useChoices(await testDevice(), null));

it("tuning a trainer takes no step and leaves no trace in the next one", async () => {
  const device = await testDevice();
  // Every family pinned: nothing is left to measure, which is tested elsewhere and takes long.
  for (const [name, family] of families()) device.pinned.set(name, family.names[0]!);
  const train = async (tuned: boolean) => {
    const method = buildMethod("rgb-only", device, new Rng(1), {
      model: "tiny",
      classes: 2,
      fusion: "deep",
      normalise: true,
      privileged: "frozen",
      weights: defaultWeights,
    });
    const trainer = new Trainer(device, method, defaultTraining(3), new Rng(2));
    const before = await trainer.state();
    if (tuned) {
      expect(await tuneTraining(trainer, batch)).toEqual([]);
      expect(trainer.steps).toBe(0);
      expect(await trainer.state()).toEqual(before);
    }
    await trainer.step(batch);
    if (tuned) await tuneTraining(trainer, batch);
    await trainer.step(batch);
    const state = await trainer.state();
    expect(state).not.toEqual(before);
    const predictor = new Predictor(device, method);
    expect(await tunePrediction(predictor, batch)).toEqual([]);
    predictor.dispose();
    trainer.dispose();
    method.network.dispose();
    return state;
  };
  const live = device.pool.memory().liveBytes;
  const plain = await train(false);
  expect(await train(true)).toEqual(plain);
  expect(device.pool.memory().liveBytes).toBe(live);
});
