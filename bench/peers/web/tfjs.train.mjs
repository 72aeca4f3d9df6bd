import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { BATCH, CLASSES, LEARNING_RATE, normalised, SIZE } from "./network.mjs";
import { fetchWeights, page } from "./page.mjs";
import { open, scores, tensorOf } from "./tfjs.mjs";

page(2, async (pictures) => {
  const [weights, { pixels, labels }] = await Promise.all([fetchWeights(), pictures, open()]);
  const learnt = [...weights].filter(([name]) => !name.includes("running"));
  const variables = new Map(learnt.map(([name, weight]) => [name, tf.variable(tensorOf(weight), true, name)]));
  const x = tf.tensor4d(normalised(pixels), [BATCH, SIZE, SIZE, 3]);
  const target = tf.cast(tf.oneHot(tf.tensor1d(Int32Array.from(labels), "int32"), CLASSES), "float32");
  const optimiser = tf.train.sgd(LEARNING_RATE);
  const lossOf = () => tf.losses.softmaxCrossEntropy(target, scores(x, variables, true));
  return async () => {
    const loss = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(lossOf, [...variables.values()]);
      optimiser.applyGradients(grads);
      return value;
    });
    const values = await loss.data();
    loss.dispose();
    return values;
  };
});
