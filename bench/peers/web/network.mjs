// The network of the pages, as data that each engine walks with its own operators: the classifier of 64x64 colours that the
// demo ships. Names of weights are those of its file, filters OIHW.

export const SIZE = 64;
export const CLASSES = 8;
export const BATCH = 16;
export const LEARNING_RATE = 0.01;
export const EPS = 1e-5;

/** Its residual blocks; each has a projection beside it. */
export const blocks = [
  { name: "encoder.layer1.0", stride: 1 },
  { name: "encoder.layer2.0", stride: 2 },
  { name: "encoder.layer3.0", stride: 2 },
];

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** Pixels [n,3] of bytes as the network takes them, channels last. */
export function normalised(pixels) {
  return Float32Array.from(pixels, (byte, i) => (byte / 255 - MEAN[i % 3]) / STD[i % 3]);
}
