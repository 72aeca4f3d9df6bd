// Two ResNet-18 streams (colour and depth) whose features are concatenated, as data that each engine walks with its own
// operators. Images are NCHW, filters OIHW, the linear layer's matrix [in, out].
import { sizeOf, uniform } from "./data.mjs";

export const TRAIN = { batch: 16, size: 64, classes: 10, lr: 0.01, bnEps: 1e-5 };

function streamPlan(inCh) {
  const blocks = [];
  let c = 64;
  for (const [s, k] of [64, 128, 256, 512].entries()) {
    for (let b = 0; b < 2; b++) {
      const stride = s > 0 && b === 0 ? 2 : 1;
      blocks.push({ name: `layer${s + 1}.${b}`, cin: c, cout: k, stride, down: stride !== 1 || c !== k });
      c = k;
    }
  }
  return { inCh, stem: { cout: 64, k: 7, stride: 2, pad: 3 }, pool: { k: 3, stride: 2, pad: 1 }, blocks };
}

export const STREAMS = { rgb: streamPlan(3), depth: streamPlan(1) };

/** The images of a step, and their classes. */
export const inputs = {
  rgb: { shape: [TRAIN.batch, 3, TRAIN.size, TRAIN.size], seed: 20 },
  depth: { shape: [TRAIN.batch, 1, TRAIN.size, TRAIN.size], seed: 21 },
};
export const labels = Array.from({ length: TRAIN.batch }, (_, i) => (i * 7) % TRAIN.classes);

/** Every parameter in order, with its first values: He-uniform filters, batch norm 1 and 0. */
export function parameters() {
  const list = [];
  const conv = (name, o, i, k) =>
    list.push({ name, kind: "conv", shape: [o, i, k, k], scale: Math.sqrt(6 / (i * k * k)) });
  const bn = (name, c) =>
    list.push({ name: `${name}.g`, kind: "one", shape: [c] }, { name: `${name}.b`, kind: "zero", shape: [c] });
  for (const [s, p] of Object.entries(STREAMS)) {
    conv(`${s}.conv1`, p.stem.cout, p.inCh, p.stem.k);
    bn(`${s}.bn1`, p.stem.cout);
    for (const b of p.blocks) {
      const at = `${s}.${b.name}`;
      conv(`${at}.conv1`, b.cout, b.cin, 3);
      bn(`${at}.bn1`, b.cout);
      conv(`${at}.conv2`, b.cout, b.cout, 3);
      bn(`${at}.bn2`, b.cout);
      if (!b.down) continue;
      conv(`${at}.down`, b.cout, b.cin, 1);
      bn(`${at}.dbn`, b.cout);
    }
  }
  list.push({ name: "fc.w", kind: "mat", shape: [1024, TRAIN.classes], scale: 1 / 32 });
  list.push({ name: "fc.b", kind: "zero", shape: [TRAIN.classes] });
  return list.map(({ scale, ...rest }, i) => {
    const n = sizeOf(rest.shape);
    const constant = rest.kind === "one" ? 1 : 0;
    return { ...rest, values: scale ? uniform(1000 + i, n, scale) : new Float32Array(n).fill(constant) };
  });
}

/** The losses of the first three steps, by PyTorch in float64; steps amplify rounding, so later ones say less. */
export const LOSSES = [2.507933, 0.952547, 0.470607];

/** Floating-point operations of one training step's convolutions and linear layer: a gradient costs as the forward pass. */
export function stepFlops() {
  let flops = 0;
  for (const p of Object.values(STREAMS)) {
    let h = TRAIN.size / 2;
    flops += 2 * 64 * p.inCh * 49 * h * h;
    h /= 2;
    for (const b of p.blocks) {
      h /= b.stride;
      flops += 2 * h * h * b.cout * 9 * (b.cin + b.cout);
      if (b.down) flops += 2 * h * h * b.cout * b.cin;
    }
  }
  return 3 * TRAIN.batch * (flops + 2 * 1024 * TRAIN.classes);
}
