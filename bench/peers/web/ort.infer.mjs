import * as ort from "onnxruntime-web/webgpu";
import { nhwcToNchw } from "../data.mjs";
import { normalised, SIZE } from "./network.mjs";
import { fetchBytes, page } from "./page.mjs";

page(3, async (pictures) => {
  ort.env.wasm.wasmPaths = { wasm: "/ort/ort-wasm-simd-threaded.asyncify.wasm" };
  ort.env.logLevel = "error";
  const [model, { picture }] = await Promise.all([fetchBytes("/model.onnx"), pictures]);
  const session = await ort.InferenceSession.create(model, { executionProviders: ["webgpu"] });
  const shape = [1, 3, SIZE, SIZE];
  return async (i) => {
    const x = new ort.Tensor("float32", nhwcToNchw(normalised(picture(i)), shape), shape);
    return (await session.run({ x })).y.data;
  };
});
