// onnxruntime's WebGPU execution provider in Node: inference only. Its binding takes and gives tensors on the host, so
// that one run would mostly be transfers: a chain of one operator is timed against a single one instead.
import ort from "onnxruntime-node";
import { chainModel } from "./onnx.mjs";

const LONG = 9;

/** Opens the engine, which has its own WebGPU device. */
export async function open() {
  const options = { executionProviders: ["webgpu"], logSeverityLevel: 3 };
  return {
    device: null,
    method: `slope of a chain of ${LONG}`,
    async prepare(c, data) {
      const model = modelOf(c, data);
      // The outputs of one are the inputs of the next.
      if (!model || model.xShape.join() !== model.yShape.join()) return null;
      const one = await ort.InferenceSession.create(chainModel({ ...model, times: 1 }), options);
      const long = await ort.InferenceSession.create(chainModel({ ...model, times: LONG }), options);
      const x = new ort.Tensor("float32", model.x, model.xShape);
      const timed = async (session) => {
        const began = performance.now();
        await session.run({ x });
        return performance.now() - began;
      };
      return {
        start: () => one.run({ x }),
        wait: (running) => running,
        fetch: async (running) => ({ y: (await running).y.data }),
        free() {},
        async time() {
          const single = await timed(one);
          return ((await timed(long)) - single) / (LONG - 1);
        },
        async dispose() {
          await one.release();
          await long.release();
        },
      };
    },
  };
}

function modelOf({ kind, n, conv }, data) {
  if (kind === "matmul") {
    return { op: "MatMul", xShape: [n, n], yShape: [n, n], wShape: [n, n], w: data.b, x: data.a };
  }
  if (kind !== "conv") return null;
  const { X, W, Y, k, s, p } = conv;
  const attrs = { strides: [s, s], pads: [p, p, p, p], kernel_shape: [k, k] };
  return { op: "Conv", xShape: X, yShape: Y, wShape: W, w: data.w, x: data.x, attrs };
}
