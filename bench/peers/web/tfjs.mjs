// The network in TensorFlow.js' own operators, NHWC and HWIO.
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import { oihwToHwio, permute } from "../data.mjs";
import { blocks, EPS } from "./network.mjs";

/** Opens the engine on its WebGPU backend. */
export async function open() {
  if (!(await tf.setBackend("webgpu"))) throw new Error("expected the backend webgpu, got none");
  await tf.ready();
}

/** A weight of the file as this engine wants it. */
export function tensorOf({ shape, data }) {
  if (shape.length === 4) return tf.tensor4d(oihwToHwio(data, shape), [shape[2], shape[3], shape[1], shape[0]]);
  if (shape.length === 2) return tf.tensor2d(permute(data, shape, [1, 0]), [shape[1], shape[0]]);
  return tf.tensor1d(data);
}

/** Class scores of images x [n,64,64,3]; by the images' own statistics while training. */
export function scores(x, weights, training) {
  const weight = (name) => weights.get(name);
  const normal = (h, name) => {
    const { mean, variance } = training
      ? tf.moments(h, [0, 1, 2])
      : { mean: weight(`${name}.running_mean`), variance: weight(`${name}.running_var`) };
    return tf.batchNorm(h, mean, variance, weight(`${name}.bias`), weight(`${name}.weight`), EPS);
  };
  const conv = (h, name, stride, pad) => tf.conv2d(h, weight(`${name}.weight`), stride, pad);
  let h = tf.relu(normal(conv(x, "encoder.conv1", 2, 1), "encoder.bn1"));
  h = tf.maxPool(h, 2, 2, 0);
  for (const { name, stride } of blocks) {
    const inner = tf.relu(normal(conv(h, `${name}.conv1`, stride, 1), `${name}.bn1`));
    const residual = normal(conv(inner, `${name}.conv2`, 1, 1), `${name}.bn2`);
    const beside = normal(conv(h, `${name}.downsample.0`, stride, 0), `${name}.downsample.1`);
    h = tf.relu(tf.add(residual, beside));
  }
  return tf.add(tf.matMul(tf.mean(h, [1, 2]), weight("head.fc.weight")), weight("head.fc.bias"));
}
