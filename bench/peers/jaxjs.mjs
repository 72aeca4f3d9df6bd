// jax-js on WebGPU, NCHW and OIHW, every case under jit(). An array is used up by the operation it goes into; `.ref` is
// one more use of it.
import { parameters, STREAMS, TRAIN } from "./model.mjs";

/** Opens the engine; `navigator.gpu` must be there. `lastDevice` gives the device that was requested last. */
export async function open({ lastDevice }) {
  const jax = await import("@jax-js/jax");
  await jax.init();
  jax.defaultDevice("webgpu");
  const device = lastDevice();
  const { numpy: np, lax, nn, jit, vjp, valueAndGrad } = jax;
  const array = (values, shape) => np.array(values, { dtype: np.float32 }).reshape(shape);
  const conv = (x, w, s, p) => {
    const padding = [p, p];
    return lax.convGeneralDilated(x, w, [s, s], [padding, padding]);
  };

  /** Batch norm of training over N, H and W, with the biased variance. */
  const normalise = (x, gamma, beta, eps) => {
    const [n, c, h, w] = x.shape;
    const perChannel = [1, c, 1, 1];
    const centred = x.ref.sub(
      x
        .sum([0, 2, 3])
        .div(n * h * w)
        .reshape(perChannel),
    );
    const variance = np
      .square(centred.ref)
      .sum([0, 2, 3])
      .div(n * h * w);
    const scale = gamma.div(np.sqrt(variance.add(eps)));
    return centred.mul(scale.reshape(perChannel)).add(beta.reshape(perChannel));
  };

  const matmul = ({ n }, data) => ({
    inputs: [array(data.a, [n, n]), array(data.b, [n, n])],
    names: ["y"],
    body: (a, b) => np.matmul(a, b),
  });

  function convolution({ kind, conv: { X, W, Y, s, p } }, data) {
    if (kind === "conv") {
      return { inputs: [array(data.x, X), array(data.w, W)], names: ["y"], body: (x, w) => conv(x, w, s, p) };
    }
    const dx = kind === "convDx";
    // The gradient for one operand: the other one is a constant of a function that is linear in it.
    const gradient = (other, dy) => {
      const apply = dx ? (x) => conv(x, other.ref, s, p) : (w) => conv(other.ref, w, s, p);
      const [y, back] = vjp(apply, [np.zeros(dx ? X : W)]);
      y.dispose();
      const [result] = back(dy);
      back.dispose();
      other.dispose();
      return result;
    };
    const other = dx ? array(data.w, W) : array(data.x, X);
    return { inputs: [other, array(data.dy, Y)], names: [dx ? "dx" : "dw"], body: gradient };
  }

  function batchNorm({ shape, eps }, data) {
    const vector = (values) => array(values, [shape[1]]);
    const body = (x, gamma, beta, dy) => {
      const [y, back] = vjp((x, gamma, beta) => normalise(x, gamma, beta, eps), [x, gamma, beta]);
      const gradients = back(dy);
      back.dispose();
      return [y, ...gradients];
    };
    const inputs = [array(data.x, shape), vector(data.gamma), vector(data.beta), array(data.dy, shape)];
    return { inputs, names: ["y", "dx", "dgamma", "dbeta"], body };
  }

  function mmd({ n, d }, data) {
    const rows = 2 * n;
    const sign = (i) => (Math.floor(i / rows) < n === i % rows < n ? 1 : -1) / (n * n);
    const signs = array(
      Float32Array.from({ length: rows * rows }, (_, i) => sign(i)),
      [rows, rows],
    );
    const value = (x, y, signs) => {
      const z = np.concatenate([x, y], 0);
      const squares = np.square(z.ref).sum(1);
      const products = np.matmul(z.ref, z.transpose());
      const sums = squares.ref.reshape([rows, 1]).add(squares.reshape([1, rows]));
      const distances = nn.relu(sums.sub(products.mul(2)));
      const bandwidth = lax.stopGradient(distances.ref.sum().div((rows * rows - rows) * 4));
      const kernels = [0, 1, 2, 3, 4].map((k) => np.exp(distances.ref.div(bandwidth.ref.mul(2 ** k)).neg()));
      distances.dispose();
      bandwidth.dispose();
      return kernels
        .reduce((sum, kernel) => sum.add(kernel))
        .mul(signs)
        .sum();
    };
    const both = valueAndGrad(value, { argnums: [0, 1] });
    const body = (x, y, signs) => {
      const [loss, [dx, dy]] = both(x, y, signs);
      return [loss, dx, dy];
    };
    return { inputs: [array(data.x, [n, d]), array(data.y, [n, d]), signs], names: ["loss", "dx", "dy"], body };
  }

  /** What jits a function of arrays and runs it on the same inputs again and again. */
  function repeated({ inputs, names, body }) {
    const compiled = jit(body);
    const listOf = (outputs) => (Array.isArray(outputs) ? outputs : [outputs]);
    return {
      start: () => compiled(...inputs.map((input) => input.ref)),
      wait: (outputs) => jax.blockUntilReady(outputs),
      async fetch(outputs) {
        const values = await Promise.all(listOf(outputs).map((output) => output.ref.data()));
        return Object.fromEntries(names.map((name, i) => [name, values[i]]));
      },
      free(outputs) {
        for (const output of listOf(outputs)) output.dispose();
      },
      dispose() {
        for (const input of inputs) input.dispose();
        compiled.dispose?.();
      },
    };
  }

  function train(c, data) {
    let weights = Object.fromEntries(parameters().map(({ name, shape, values }) => [name, array(values, shape)]));
    const { batch, classes } = TRAIN;
    const onehot = new Float32Array(batch * classes);
    for (const [i, label] of c.labels.entries()) onehot[i * classes + label] = 1;
    const inputs = [
      array(data.rgb, c.inputs.rgb.shape),
      array(data.depth, c.inputs.depth.shape),
      array(onehot, [batch, classes]),
    ];
    const stream = (P, s, x) => {
      const p = STREAMS[s];
      const bn = (h, name) => normalise(h, P[`${name}.g`].ref, P[`${name}.b`].ref, TRAIN.bnEps);
      let h = nn.relu(bn(conv(x, P[`${s}.conv1`].ref, p.stem.stride, p.stem.pad), `${s}.bn1`));
      const { k, stride, pad } = p.pool;
      // Zeros do as padding: nothing is below them after the relu.
      const around = [pad, pad];
      h = np.pad(h, [[0, 0], [0, 0], around, around]);
      h = lax.reduceWindow(h, np.max, [k, k], [stride, stride]);
      for (const b of p.blocks) {
        const at = `${s}.${b.name}`;
        let r = nn.relu(bn(conv(h.ref, P[`${at}.conv1`].ref, b.stride, 1), `${at}.bn1`));
        r = bn(conv(r, P[`${at}.conv2`].ref, 1, 1), `${at}.bn2`);
        const shortcut = b.down ? bn(conv(h, P[`${at}.down`].ref, b.stride, 0), `${at}.dbn`) : h;
        h = nn.relu(r.add(shortcut));
      }
      return h.mean([2, 3]);
    };
    const gradients = valueAndGrad((P, rgb, depth, labels) => {
      const features = np.concatenate([stream(P, "rgb", rgb), stream(P, "depth", depth)], 1);
      const logits = np.matmul(features, P["fc.w"].ref).add(P["fc.b"].ref);
      const loss = nn.logSoftmax(logits, -1).mul(labels).sum().div(-batch);
      for (const parameter of Object.values(P)) parameter.dispose();
      return loss;
    });
    const step = jit((P, rgb, depth, labels) => {
      const held = Object.fromEntries(Object.entries(P).map(([name, parameter]) => [name, parameter.ref]));
      const [loss, g] = gradients(P, rgb, depth, labels);
      const next = Object.fromEntries(Object.keys(held).map((name) => [name, held[name].sub(g[name].mul(TRAIN.lr))]));
      return { loss, next };
    });
    return {
      start() {
        const { loss, next } = step(weights, ...inputs.map((input) => input.ref));
        weights = next;
        return loss;
      },
      wait: (loss) => jax.blockUntilReady([loss, weights]),
      fetch: async (loss) => ({ loss: await loss.ref.data() }),
      free: (loss) => loss.dispose(),
      dispose() {
        for (const held of [...Object.values(weights), ...inputs]) held.dispose();
      },
    };
  }

  const kinds = { matmul, conv: convolution, convDx: convolution, convDw: convolution, batchNorm, mmd };
  return {
    device,
    prepare: (c, data) => (c.kind === "train" ? train(c, data) : repeated(kinds[c.kind](c, data))),
  };
}
