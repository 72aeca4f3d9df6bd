// Bundles a page for each engine, serves all of them, and opens them in browsers of their own.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { chromium } from "playwright";
import { findChromium } from "../../../scripts/lib/chromium.mjs";
import { buildLibrary } from "../../../scripts/lib/library.mjs";
import { root, SetupError } from "../../../scripts/lib/project.mjs";
import { graphModel } from "../onnx.mjs";
import { BATCH, blocks, CLASSES, SIZE } from "./network.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const packages = join(here, "../node_modules");
const model = join(root, "web/models/classify-rgb-only.safetensors");
const WASM = "ort-wasm-simd-threaded.asyncify.wasm";
// Longest that a page may take.
const PATIENCE = 300_000;

/** The pages by engine: what it needs beside its script, and the package whose version it goes by (null: ours). */
export const engines = [
  { name: "ours", pages: ["ours.infer", "ours.train"], package: null, files: ["model.safetensors"] },
  {
    name: "tfjs-webgpu",
    pages: ["tfjs.infer", "tfjs.train"],
    package: "@tensorflow/tfjs-backend-webgpu",
    files: ["weights.bin", "weights.json"],
  },
  { name: "onnxruntime-web", pages: ["ort.infer"], package: "onnxruntime-web", files: ["model.onnx", `ort/${WASM}`] },
];

const sizeOf = (bytes) => ({ bytes: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length });

/** The same network as ONNX. */
function onnxOf(weights) {
  const nodes = [];
  const node = (op, inputs, attrs) => {
    const output = `t${nodes.length}`;
    nodes.push({ op, inputs, output, attrs });
    return output;
  };
  const conv = (x, name, kernel, stride) => {
    const pads = new Array(4).fill((kernel - 1) / 2);
    return node("Conv", [x, `${name}.weight`], { kernel_shape: [kernel, kernel], strides: [stride, stride], pads });
  };
  const norm = (x, name) => {
    const parts = ["weight", "bias", "running_mean", "running_var"];
    return node("BatchNormalization", [x, ...parts.map((part) => `${name}.${part}`)]);
  };
  let h = node("Relu", [norm(conv("x", "encoder.conv1", 3, 2), "encoder.bn1")]);
  h = node("MaxPool", [h], { kernel_shape: [2, 2], strides: [2, 2] });
  for (const { name, stride } of blocks) {
    const inner = node("Relu", [norm(conv(h, `${name}.conv1`, 3, stride), `${name}.bn1`)]);
    const residual = norm(conv(inner, `${name}.conv2`, 3, 1), `${name}.bn2`);
    const beside = norm(conv(h, `${name}.downsample.0`, 1, stride), `${name}.downsample.1`);
    h = node("Relu", [node("Add", [residual, beside])]);
  }
  const pooled = node("Flatten", [node("GlobalAveragePool", [h])]);
  node("Softmax", [node("Gemm", [pooled, "head.fc.weight", "head.fc.bias"], { transB: 1 })]);
  nodes.at(-1).output = "y";
  return graphModel({ nodes, weights, xShape: [1, 3, SIZE, SIZE], yShape: [1, CLASSES] });
}

/** What the pages fetch: the network in three forms, and pictures with their classes. */
async function filesOf() {
  const { unpackStateDict } = await import("../../../dist/lib/index.js");
  const { renderScene } = await import("../../../dist/lib/vision.js");
  const saved = readFileSync(model);
  const weights = unpackStateDict(saved);
  const list = [];
  let length = 0;
  for (const [name, { shape, data }] of weights) {
    list.push({ name, shape, offset: length, length: data.length });
    length += data.length;
  }
  const all = new Float32Array(length);
  for (const { name, offset } of list) all.set(weights.get(name).data, offset);
  const pictures = Array.from({ length: BATCH }, (_, i) => renderScene(3, `bench/${i}`, { width: SIZE, height: SIZE }));
  return {
    "model.safetensors": saved,
    "model.onnx": onnxOf(Object.fromEntries(weights)),
    "weights.bin": Buffer.from(all.buffer),
    "weights.json": Buffer.from(JSON.stringify(list)),
    "pictures.bin": Buffer.concat(pictures.map(({ rgb }) => rgb)),
    "labels.bin": Buffer.from(pictures.map(({ target }) => target)),
    [`ort/${WASM}`]: readFileSync(join(packages, "onnxruntime-web/dist", WASM)),
  };
}

/** A page's script, as an app would ship it. */
async function bundle(page) {
  const lib = (name) => join(root, "dist/lib", name);
  const { outputFiles } = await build({
    entryPoints: [join(here, `${page}.mjs`)],
    alias: {
      "onestage/infer": join(root, "dist/infer.browser.js"),
      "onestage/vision": lib("vision.js"),
      onestage: lib("index.js"),
    },
    ...{ bundle: true, minify: true, write: false, format: "esm", platform: "browser", target: "es2022" },
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "error",
  });
  return Buffer.from(outputFiles[0].contents);
}

/**
 * Builds and serves everything. `engines` have a version and the sizes of what a visitor downloads; `sample(page, effort)`
 * opens a page in a fresh browser and gives what it measured, as `page.mjs` says, with the adapter.
 * @throws SetupError where there is no browser
 */
export async function openPages() {
  const options = findChromium();
  if (!options) throw new SetupError("expected a Chromium (ONESTAGE_CHROMIUM names one), found none");
  await buildLibrary();
  const files = await filesOf();
  const described = [];
  for (const { name, pages, package: packageName, files: own } of engines) {
    const scripts = {};
    for (const page of pages) {
      const script = await bundle(page);
      files[`${page}.js`] = script;
      files[page] = Buffer.from(
        `<!doctype html><title>${page}</title><script type="module" src="/${page}.js"></script>`,
      );
      scripts[page] = sizeOf(script);
    }
    const folder = packageName ? join(packages, packageName) : root;
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const beside = Object.fromEntries(own.map((file) => [file, sizeOf(files[file])]));
    described.push({ name, version, pages, scripts, beside });
  }
  const server = createServer(({ url }, response) => {
    const path = url.slice(1);
    const body = path === "" ? Buffer.from("<!doctype html><title>nothing</title>") : files[path];
    const types = { js: "text/javascript", wasm: "application/wasm", json: "application/json" };
    const type =
      types[path.split(".").at(-1)] ??
      (path.includes("/") || /bin$|onnx$|tensors$/.test(path) ? "application/octet-stream" : "text/html");
    response.writeHead(body ? 200 : 404, { "content-type": type, "cache-control": "no-store" });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}/`;

  async function sample(page, effort) {
    const browser = await chromium.launch(options);
    try {
      // The browser's own start, and that of its GPU process, are no engine's.
      const before = await browser.newPage();
      await before.goto(address);
      const adapter = await before.evaluate(async () => {
        const found = await navigator.gpu?.requestAdapter();
        if (!found) throw new Error("expected WebGPU, got no adapter");
        await found.requestDevice();
        const { vendor, architecture, description } = found.info;
        return { vendor, architecture, description };
      });
      const context = await browser.newContext();
      const opened = await context.newPage();
      opened.setDefaultTimeout(PATIENCE);
      await opened.goto(address + page);
      const measured = await opened.evaluate((effort) => globalThis.measure(effort), effort);
      return { ...measured, adapter, browser: browser.version() };
    } finally {
      await browser.close();
    }
  }

  return { engines: described, sample, close: () => server.close() };
}
