// Fits a line with the tensor engine: tensors, gradients, an optimiser, memory by scopes.
import { backward, defaultOptimiser, GpuDevice, Init, Linear, mse, Optimiser, Rng, scope } from "../src/index.ts";

const device = await GpuDevice.open(); // or open({ device }) for a GPUDevice of your own
const xs = Float32Array.from({ length: 64 }, (_, i) => i / 32 - 1);
const x = device.upload(xs, [64, 1]);
const y = device.upload(
  xs.map((v) => 3 * v - 1),
  [64, 1],
);

const line = new Linear(new Init(device, new Rng(1)), 1, 1);
const optimiser = new Optimiser(device, line.parameters(), { ...defaultOptimiser, weightDecay: 0 });
for (let step = 0; step < 200; step++) {
  // Everything made inside is freed at its end, except what is returned.
  const loss = scope(() => {
    const error = mse(line.forward(x), y);
    backward(error);
    optimiser.step(0.05);
    return error;
  });
  if (step % 50 === 49) console.log(`step ${step + 1}: loss ${(await loss.item()).toFixed(6)}`);
  loss.dispose();
}
console.log(`y = ${(await line.weight.item()).toFixed(3)} x + ${(await line.bias.item()).toFixed(3)}`);
device.close();
