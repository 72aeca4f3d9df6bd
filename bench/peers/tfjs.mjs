// TensorFlow.js on its WebGPU backend, NHWC and HWIO.
import { createRequire } from "node:module";
import { hwioToOihw, nchwToNhwc, nhwcToNchw, oihwToHwio } from "./data.mjs";
import { parameters, STREAMS, TRAIN } from "./model.mjs";

const require = createRequire(import.meta.url);

/** Opens the engine; `navigator.gpu` must be there. */
export async function open() {
  const tf = require("@tensorflow/tfjs");
  require("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend("webgpu");
  await tf.ready();
  const { device } = tf.backend();
  const images = (a, shape) => tf.tensor4d(nchwToNhwc(a, shape), [shape[0], shape[2], shape[3], shape[1]]);
  const filters = (a, s) => tf.tensor4d(oihwToHwio(a, s), [s[2], s[3], s[1], s[0]]);
  const layouts = { images: nhwcToNchw, filters: hwioToOihw };
  const free = (outputs) => {
    for (const tensor of Object.values(outputs)) tensor.dispose();
  };
  const wait = async () => {
    const backend = tf.backend();
    backend.endComputePassEncoder();
    backend.submitQueue();
    await device.queue.onSubmittedWorkDone();
  };

  function convolution(c, data) {
    const { X, W, Y, s, p } = c.conv;
    const x = data.x && images(data.x, X);
    const w = data.w && filters(data.w, W);
    const dy = data.dy && images(data.dy, Y);
    const attrs = { strides: [s, s], pad: p, dataFormat: "NHWC" };
    const kernel = (name, given, more) => tf.engine().runKernel(name, given, { ...attrs, ...more });
    const held = [x, w, dy].filter(Boolean);
    if (c.kind === "conv") {
      return { held, start: () => ({ y: tf.conv2d(x, w, s, p) }), read: { y: ["images", Y] } };
    }
    if (c.kind === "convDx") {
      const inputShape = [X[0], X[2], X[3], X[1]];
      const start = () => ({ dx: kernel("Conv2DBackpropInput", { dy, filter: w }, { inputShape }) });
      return { held, start, read: { dx: ["images", X] } };
    }
    const filterShape = [W[2], W[3], W[1], W[0]];
    const start = () => ({ dw: kernel("Conv2DBackpropFilter", { x, dy }, { filterShape }) });
    return { held, start, read: { dw: ["filters", W] } };
  }

  function batchNorm(c, data) {
    const [x, dy] = [images(data.x, c.shape), images(data.dy, c.shape)];
    const [gamma, beta] = [tf.tensor1d(data.gamma), tf.tensor1d(data.beta)];
    const gradients = tf.valueAndGrads((x, gamma, beta) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      return tf.batchNorm(x, mean, variance, beta, gamma, c.eps);
    });
    const start = () => {
      const { value, grads } = gradients([x, gamma, beta], dy);
      return { y: value, dx: grads[0], dgamma: grads[1], dbeta: grads[2] };
    };
    const read = { y: ["images", c.shape], dx: ["images", c.shape], dgamma: [], dbeta: [] };
    return { held: [x, dy, gamma, beta], start, read };
  }

  function mmd({ n, d }, data) {
    const [x, y] = [tf.tensor2d(data.x, [n, d]), tf.tensor2d(data.y, [n, d])];
    const rows = 2 * n;
    const sign = (i) => (Math.floor(i / rows) < n === i % rows < n ? 1 : -1) / (n * n);
    const signs = tf.tensor2d(
      Float32Array.from({ length: rows * rows }, (_, i) => sign(i)),
      [rows, rows],
    );
    const constant = tf.customGrad((t) => ({ value: t.clone(), gradFunc: (g) => tf.zerosLike(g) }));
    const gradients = tf.valueAndGrads((x, y) => {
      const z = tf.concat([x, y], 0);
      const squares = tf.sum(tf.square(z), 1, true);
      const distances = tf.relu(
        tf.sub(tf.add(squares, tf.transpose(squares)), tf.mul(tf.matMul(z, z, false, true), 2)),
      );
      const bandwidth = constant(tf.div(tf.sum(distances), (rows * rows - rows) * 4));
      const kernels = [0, 1, 2, 3, 4].map((k) => tf.exp(tf.neg(tf.div(distances, tf.mul(bandwidth, 2 ** k)))));
      return tf.sum(tf.mul(kernels.reduce(tf.add), signs));
    });
    const start = () => {
      const { value, grads } = gradients([x, y]);
      return { loss: value, dx: grads[0], dy: grads[1] };
    };
    return { held: [x, y, signs], start, read: { loss: [], dx: [], dy: [] } };
  }

  function train(c, data) {
    const list = parameters().map(({ name, kind, shape, values }) => {
      const initial = kind === "conv" ? filters(values, shape) : tf.tensor(values, shape);
      const variable = tf.variable(initial, true, name);
      initial.dispose();
      return variable;
    });
    const vars = Object.fromEntries(list.map((variable) => [variable.name, variable]));
    const x = { rgb: images(data.rgb, c.inputs.rgb.shape), depth: images(data.depth, c.inputs.depth.shape) };
    const classes = tf.tensor1d(c.labels, "int32");
    const labels = tf.oneHot(classes, TRAIN.classes).toFloat();
    const bn = (h, name) => {
      const { mean, variance } = tf.moments(h, [0, 1, 2]);
      return tf.batchNorm(h, mean, variance, vars[`${name}.b`], vars[`${name}.g`], TRAIN.bnEps);
    };
    const stream = (s) => {
      const p = STREAMS[s];
      let h = tf.relu(bn(tf.conv2d(x[s], vars[`${s}.conv1`], p.stem.stride, p.stem.pad), `${s}.bn1`));
      h = tf.maxPool(h, p.pool.k, p.pool.stride, p.pool.pad);
      for (const b of p.blocks) {
        const at = `${s}.${b.name}`;
        let r = tf.relu(bn(tf.conv2d(h, vars[`${at}.conv1`], b.stride, 1), `${at}.bn1`));
        r = bn(tf.conv2d(r, vars[`${at}.conv2`], 1, 1), `${at}.bn2`);
        const shortcut = b.down ? bn(tf.conv2d(h, vars[`${at}.down`], b.stride, 0), `${at}.dbn`) : h;
        h = tf.relu(tf.add(r, shortcut));
      }
      return tf.mean(h, [1, 2]);
    };
    const lossOf = () => {
      const features = tf.concat([stream("rgb"), stream("depth")], 1);
      return tf.losses.softmaxCrossEntropy(labels, tf.add(tf.matMul(features, vars["fc.w"]), vars["fc.b"]));
    };
    const optimiser = tf.train.sgd(TRAIN.lr);
    const start = () => {
      const { value, grads } = tf.variableGrads(lossOf, list);
      optimiser.applyGradients(grads);
      return { loss: value };
    };
    return { held: [...list, x.rgb, x.depth, classes, labels, optimiser], start, read: { loss: [] } };
  }

  function matmul({ n }, data) {
    const [a, b] = [tf.tensor2d(data.a, [n, n]), tf.tensor2d(data.b, [n, n])];
    return { held: [a, b], start: () => ({ y: tf.matMul(a, b) }), read: { y: [] } };
  }

  const kinds = { matmul, conv: convolution, convDx: convolution, convDw: convolution, batchNorm, mmd, train };
  return {
    device,
    prepare(c, data) {
      const { held, start, read } = kinds[c.kind](c, data);
      return {
        start: () => tf.tidy(start),
        wait,
        free,
        async fetch(outputs) {
          const fetched = {};
          for (const [name, [layout, shape]] of Object.entries(read)) {
            const values = await outputs[name].data();
            fetched[name] = layout ? layouts[layout](values, shape) : values;
          }
          return fetched;
        },
        dispose() {
          for (const tensor of held) tensor.dispose();
        },
      };
    },
  };
}
