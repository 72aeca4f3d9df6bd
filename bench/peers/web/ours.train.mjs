import {
  backward,
  crossEntropy,
  defaultOptimiser,
  GpuDevice,
  Init,
  Optimiser,
  Program,
  Rng,
  TrainingPass,
} from "onestage";
import { encoders, SingleNetwork } from "onestage/vision";
import { BATCH, CLASSES, LEARNING_RATE, normalised, SIZE } from "./network.mjs";
import { fetchWeights, page } from "./page.mjs";

page(2, async (pictures) => {
  const [device, weights, { pixels, labels }] = await Promise.all([GpuDevice.open(), fetchWeights(), pictures]);
  const network = new SingleNetwork(new Init(device, new Rng(1)), 3, CLASSES, { ...encoders.tiny, dropout: 0 });
  network.loadStateDict(weights);
  const plain = { ...defaultOptimiser, kind: "sgd", momentum: 0, weightDecay: 0, clip: 0 };
  const optimiser = new Optimiser(device, network.parameters(), plain);
  const x = device.upload(normalised(pixels), [BATCH, SIZE, SIZE, 3]).keep();
  const target = device.upload(Uint32Array.from(labels), [BATCH], "u32").keep();
  const pass = new TrainingPass(new Rng(1));
  const step = () => {
    const loss = crossEntropy(network.forward(x, pass).scores[0], target);
    backward(loss);
    optimiser.apply();
    return loss;
  };
  let program = null;
  return async () => {
    optimiser.advance(LEARNING_RATE);
    program ??= Program.record(device, step);
    program.run();
    return program.result.read();
  };
});
