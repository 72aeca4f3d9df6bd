import * as tf from "@tensorflow/tfjs-core";
import { normalised, SIZE } from "./network.mjs";
import { fetchWeights, page } from "./page.mjs";
import { open, scores, tensorOf } from "./tfjs.mjs";

page(3, async (pictures) => {
  const [weights, { picture }] = await Promise.all([fetchWeights(), pictures, open()]);
  const tensors = new Map([...weights].map(([name, weight]) => [name, tensorOf(weight)]));
  return async (i) => {
    const y = tf.tidy(() =>
      tf.softmax(scores(tf.tensor4d(normalised(picture(i)), [1, SIZE, SIZE, 3]), tensors, false)),
    );
    const probabilities = await y.data();
    y.dispose();
    return probabilities;
  };
});
