// Tensor maths with gradients: walks down Rosenbrock's valley, (1 - x)² + 100 (y - x²)², to its lowest point (1, 1).
import { add, affine, backward, GpuDevice, mul, Optimiser, scope, square, sub } from "onestage";

const device = await GpuDevice.open(); // or open({ device }) for a GPUDevice of your own
const [x, y] = [-1, 1].map((value) => device.upload([value], [1]));
for (const parameter of [x, y]) parameter.requiresGrad = true;

const optimiser = new Optimiser(device, new Map(Object.entries({ x, y })), { weightDecay: 0, beta2: 0.9 });
for (let step = 1; step <= 600; step++) {
  // Everything made inside is freed at its end, except what is returned.
  const height = scope(() => {
    const value = add(square(affine(x, -1, 1)), affine(square(sub(y, mul(x, x))), 100));
    backward(value);
    optimiser.step(0.02);
    return value;
  });
  // Reading is the only place that waits for the GPU.
  if (step % 100 === 0) console.log(`step ${step}: height ${(await height.item()).toExponential(1)}`);
  height.dispose();
}
console.log(`lowest at (${(await x.item()).toFixed(3)}, ${(await y.item()).toFixed(3)})`);
device.close();
