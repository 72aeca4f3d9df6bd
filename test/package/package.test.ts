import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { chromium, type Page } from "playwright";
import { publint } from "publint";
import { build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findChromium } from "../../scripts/lib/chromium.mjs";
import { compactShader } from "../../scripts/lib/wgsl.mjs";
import { encodePng } from "../../src/data/png.ts";
import { sceneDataset } from "../../src/data/scenes/index.ts";
import { unpackStateDict } from "../../src/data/stateDict.ts";
import { packNetwork } from "../../src/infer/pack.ts";
import { fusionNames } from "../../src/model/fusion.ts";
import { twoModalities } from "../../src/model/method.ts";
import { buildMethod, existsAmong, type MethodName, methods } from "../../src/model/methods.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import { GpuDevice } from "../../src/tensor/device.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { install, type Packed, pack, root } from "./packed.ts";

const MODEL = "classify-one-stage-rgb.safetensors";

/** The app of all three: opens a network and says what one image shows. */
const app = `
import { GpuDevice, openNetwork } from "onestage/infer";
export async function answer(bytes, rgb) {
  const device = await GpuDevice.open();
  const network = openNetwork(device, bytes);
  const { probabilities } = await network.predict({ rgb });
  const top = probabilities.indexOf(Math.max(...probabilities));
  network.dispose();
  device.close();
  return { top: network.classes[top], probabilities: Array.from(probabilities) };
}
`;

interface Answer {
  top: string;
  probabilities: number[];
}

let packed: Packed;
beforeAll(() => {
  packed = pack(["webgpu", "esbuild"]);
  copyFileSync(join(root, "web/models", MODEL), join(packed.app, MODEL));
  writeFileSync(join(packed.app, "answer.js"), app);
}, 300_000);
afterAll(() => packed?.remove());

/** An image that every app is shown: as numbers in a program's text. */
function picture() {
  const { width, height, rgb } = sceneDataset({ seed: 8, width: 64, height: 64, train: 1, val: 1, test: 1 }).sample(
    "test",
    0,
  );
  return { width, height, data: [...rgb] };
}

const literal = () => {
  const { width, height, data } = picture();
  return `{ width: ${width}, height: ${height}, data: Uint8Array.from(${JSON.stringify(data)}) }`;
};

/** Runs a file of an app in a process of its own. */
function runNode(folder: string, ...args: string[]) {
  const child = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", timeout: 120_000 });
  return { code: child.status, out: child.stdout, err: child.stderr };
}

const nodeApp = () => `
import { readFileSync } from "node:fs";
import { answer } from "./answer.js";
console.log(JSON.stringify(await answer(readFileSync("${MODEL}"), ${literal()})));
`;

/** The numbers that the project itself says. */
async function expected(): Promise<Answer> {
  const { openNetwork } = await import("../../src/infer/network.ts");
  const device = await GpuDevice.open();
  const network = openNetwork(device, readFileSync(join(root, "web/models", MODEL)));
  const { width, height, data } = picture();
  const { probabilities } = await network.predict({ rgb: { width, height, data: Uint8Array.from(data) } });
  const all = Array.from(probabilities!);
  network.dispose();
  device.close();
  return { top: network.classes[all.indexOf(Math.max(...all))]!, probabilities: all };
}

function expectAlike(said: Answer, own: Answer): void {
  expect(said.top).toBe(own.top);
  for (const [k, probability] of own.probabilities.entries()) expect(said.probabilities[k]).toBeCloseTo(probability, 5);
}

describe("the package", () => {
  it("has what it promises and nothing else", () => {
    const allowed =
      /^(dist\/(lib\/|infer\.(browser|node)\.js$|cli\.mjs$)|scripts\/(onestage\.mjs|lib\/)|shaders\/|src\/|configs\/|package\.json$|README\.md$|LICENSE$)/;
    expect(packed.files.filter((file) => !allowed.test(file))).toEqual([]);
    const { exports, bin, imports } = JSON.parse(readFileSync(join(packed.folder, "package.json"), "utf8"));
    const targets = (value: unknown): string[] =>
      typeof value === "string" ? [value] : Object.values(value as object).flatMap(targets);
    for (const target of [exports, bin, imports].flatMap(targets)) {
      expect(packed.files).toContain(target.replace("./", ""));
    }
    for (const file of packed.files.filter((name) => name.startsWith("dist/lib/") && name.endsWith(".js"))) {
      const text = readFileSync(join(packed.folder, file), "utf8");
      expect(text, file).not.toMatch(/from "[^"]*\.(ts|wgsl)"|"#gpu"/);
    }
  });

  it("satisfies publint", async () => {
    const { messages } = await publint({ pkgDir: packed.folder, pack: false, strict: true });
    expect(messages).toEqual([]);
  });

  it("has types that every resolution of modules finds", () => {
    const cli = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
    const { code, out, err } = runNode(packed.app, cli, packed.tarball, "--profile", "esm-only", "--no-color");
    expect(code, out + err).toBe(0);
    // What is ignored: CommonJS, which the package does not have.
    expect(out).not.toMatch(/^[^(│]*[💀❌🎭🐛]/mu);
  }, 120_000);

  it("typechecks in a project of somebody else", () => {
    writeFileSync(
      join(packed.app, "use.ts"),
      [
        'import { GpuDevice, Linear, Init, Rng, matmul, type Tensor } from "onestage";',
        'import { buildMethod, Trainer } from "onestage/vision";',
        'import { openNetwork, type Answer } from "onestage/infer";',
        'import { profileTraining } from "onestage/profile";',
        'import { openFolder } from "onestage/node";',
        "const device = await GpuDevice.open({});",
        "const tensor: Tensor = matmul(device.upload([1], [1, 1]), device.upload([2], [1, 1]));",
        "const gpu: GPUDevice = device.gpu;",
        "// @ts-expect-error a shape is a list",
        "device.upload([1], 1);",
        "export { tensor, gpu, Linear, Init, Rng, buildMethod, Trainer, openNetwork, profileTraining, openFolder };",
        "export type { Answer };",
      ].join("\n"),
    );
    // Nothing is said about types: the package's own must be enough.
    const options = { strict: true, noEmit: true, module: "nodenext", target: "es2022", types: [] };
    writeFileSync(join(packed.app, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["use.ts"] }));
    const said = runNode(packed.app, join(root, "node_modules/typescript/bin/tsc"), "-p", ".");
    expect(said.out + said.err).toBe("");
  }, 120_000);
});

it("has a reference of everything that is exported", () => {
  const out = join(packed.app, "../docs");
  const typedoc = join(root, "node_modules/typedoc/bin/typedoc");
  const { code, out: said, err } = runNode(root, typedoc, "--out", out);
  expect(code, said + err).toBe(0);
  const page = (name: string) => readFileSync(join(out, name), "utf8");
  expect(page("functions/vision.openNetwork.html")).toContain("Opens a network out of the bytes of a file");
  for (const entry of ["index", "vision", "infer", "profile", "node"])
    expect(page(`modules/${entry}.html`)).toBeTruthy();
  expect(page("modules/infer.html")).toContain("openNetwork");
}, 120_000);

describe("the size of the package", () => {
  async function bundled(contents: string): Promise<{ bytes: number; gzip: number; text: string }> {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: packed.app },
      ...{ bundle: true, minify: true, format: "esm", platform: "browser", write: false, logLevel: "silent" },
    });
    const { contents: bytes, text } = outputFiles[0]!;
    return { bytes: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, text };
  }

  it("is nothing for an app that imports and uses nothing", async () => {
    for (const entry of ["onestage", "onestage/vision", "onestage/profile", "onestage/infer"]) {
      expect((await bundled(`import ${JSON.stringify(entry)};`)).bytes, entry).toBeLessThan(10);
      expect((await bundled(`import * as all from ${JSON.stringify(entry)};`)).bytes, entry).toBeLessThan(10);
    }
  });

  it.each([
    // What one op takes, and all of them with modules and optimisers.
    ["tensors and one op", 'export { GpuDevice, matmul } from "onestage";', 18_000],
    ["the whole core with all kernels", 'export * from "onestage";', 60_000],
    ["inference only", 'export { GpuDevice, openNetwork } from "onestage/infer";', 35_000],
  ])("%s", async (what, entry, most) => {
    const { bytes, gzip } = await bundled(entry);
    console.log(`${what}: ${(bytes / 1000).toFixed(1)} kB minified, ${(gzip / 1000).toFixed(1)} kB with gzip`);
    expect(gzip).toBeLessThanOrEqual(most);
  });

  it("shortens a shader to another one of the same tokens", () => {
    const shader =
      "fn f( a : f32 , ) -> f32 { // why\n  return a * 0.0 + 1.0 - - 0.5 * 10.0 + 1.50 + x0.y + 0.05;\n}\n";
    expect(compactShader(shader)).toBe("fn f(a:f32)->f32{return a*0.+1.- -.5*10.+1.50+x0.y+.05;}");
    expect(compactShader("var<storage, read> x: T; var<storage, read_write> y: T;")).toBe(
      "var<storage>x:T;var<storage,read_write>y:T;",
    );
  });

  it("has the shaders that a prediction may take, where only inference is asked for, and no other", async () => {
    const { text } = await bundled('export * from "onestage/infer";');
    const files = readdirSync(join(root, "shaders"), { withFileTypes: true }).filter((entry) => entry.isFile());
    const inside = files.filter(({ name }) => {
      const shader = compactShader(readFileSync(join(root, "shaders", name), "utf8"));
      return text.includes(JSON.stringify(shader).slice(1, -1));
    });
    const names = `adaptive_avg_pool argmax batch_norm binary conv2d conv2d_blocked conv2d_depthwise conv2d_tiled fill
      from_half matmul max_pool reduce resize softmax strided_copy to_half unary`;
    expect(inside.map(({ name }) => name.replace(".wgsl", ""))).toEqual(names.split(/\s+/));
    expect(text).not.toContain("onestage-cell");
  });
});

describe("the inference build", () => {
  const side = 16;
  const scenes = sceneDataset({ seed: 9, width: side, height: side, train: 1, val: 1, test: 1 });
  const { rgb, depth } = scenes.sample("test", 0);
  const images = { rgb: { width: side, height: side, data: rgb }, depth: { width: side, height: side, data: depth } };

  /** Files of networks with random weights: every architecture, task, way of fusing and precision that one may name. */
  async function everyForm(device: GpuDevice): Promise<[string, Uint8Array][]> {
    const named = Object.entries(methods) as [MethodName, { architecture: string }][];
    const usual = named.filter(([name]) => existsAmong(name, twoModalities));
    const forms = new Map(usual.map(([name, { architecture }]) => [architecture, name]));
    const tasks = ["classify", "segment"] as const;
    const precisions = device.gpu.features.has("shader-f16") ? (["f32", "f16"] as const) : (["f32"] as const);
    const files: [string, Uint8Array][] = [];
    for (const [architecture, name] of forms) {
      const fuses = architecture === "hallucinating";
      for (const task of tasks) {
        for (const fusionBlock of fuses ? fusionNames : (["ctn"] as const)) {
          for (const precision of fuses ? precisions : (["f32"] as const)) {
            const classes = task === "segment" ? scenes.labels : scenes.classes;
            const config = {
              ...({ task, classes: classes.length, model: "tiny", fusion: "full", fusionBlock, precision } as const),
              ...({ normalise: true, privileged: "frozen", weights: defaultWeights } as const),
            };
            const method = buildMethod(name, device, new Rng(5, name), config);
            const trainedOn = { classes, width: side, height: side, scale: { mean: 3, std: 1.5 } };
            const title = [architecture, task, fusionBlock, precision].join(" ");
            files.push([title, await packNetwork(method, config, trainedOn)]);
            for (const module of method.trained.values()) module.dispose();
          }
        }
      }
    }
    return files;
  }

  it("says of every form of network what the whole engine says", async () => {
    const device = await GpuDevice.open();
    const { openNetwork } = await import("../../src/infer/network.ts");
    const files = await everyForm(device);
    expect(files.length).toBeGreaterThanOrEqual(28);
    const own: number[][] = [];
    for (const [i, [title, bytes]] of files.entries()) {
      const network = openNetwork(device, bytes, title);
      const { probabilities, labels } = await network.predict(images);
      own.push([...(probabilities ?? labels)!]);
      network.dispose();
      writeFileSync(join(packed.app, `form-${i}.safetensors`), bytes);
    }
    device.close();
    const data = (values: ArrayLike<number>) => JSON.stringify([...(values as unknown as number[])]);
    writeFileSync(
      join(packed.app, "forms.js"),
      `import { readFileSync } from "node:fs";
      import { GpuDevice, openNetwork } from "onestage/infer";
      const of = (data) => ({ width: ${side}, height: ${side}, data });
      const images = { rgb: of(Uint8Array.from(${data(rgb)})), depth: of(Uint16Array.from(${data(depth)})) };
      const device = await GpuDevice.open();
      const said = [];
      for (let i = 0; i < ${files.length}; i++) {
        const network = openNetwork(device, readFileSync(\`form-\${i}.safetensors\`));
        const { probabilities, labels } = await network.predict(images);
        said.push([...(probabilities ?? labels)]);
        network.dispose();
      }
      device.close();
      console.log(JSON.stringify(said));`,
    );
    const { code, out, err } = runNode(packed.app, "forms.js");
    expect(code, err).toBe(0);
    const said = JSON.parse(out) as number[][];
    for (const [i, [title]] of files.entries()) {
      expect(said[i]!.length, title).toBe(own[i]!.length);
      const off = own[i]!.filter((value, at) => Math.abs(said[i]![at]! - value) > 1e-3);
      // A pixel between two classes may fall either way: other kernels round differently.
      expect(off.length / own[i]!.length, title).toBeLessThanOrEqual(title.includes("segment") ? 0.02 : 0);
      expect(new Set(own[i]).size, `${title} says more than one thing`).toBeGreaterThan(1);
    }
  }, 300_000);
});

describe("the examples", () => {
  /** Runs an example as somebody else would: beside the installed package. */
  function example(name: string, ...args: string[]): string {
    copyFileSync(join(root, "examples", name), join(packed.app, name));
    const { code, out, err } = runNode(packed.app, name, ...args);
    expect(code, err).toBe(0);
    return out;
  }

  it("gradients.mjs finds the lowest point of the valley", () => {
    const [, x, y] = /lowest at \((\S+), (\S+)\)/.exec(example("gradients.mjs"))!;
    expect(Number(x)).toBeCloseTo(1, 1);
    expect(Number(y)).toBeCloseTo(1, 1);
  }, 120_000);

  it("train.mjs tells the arms of a spiral apart and keeps the weights", () => {
    const [, right] = /(\d+) of 512 points/.exec(example("train.mjs"))!;
    expect(Number(right)).toBeGreaterThan(500);
    const state = unpackStateDict(readFileSync(join(packed.app, "spiral.safetensors")));
    expect([...state.keys()]).toContain("hidden2.weight");
  }, 120_000);

  it("op.mjs has the right slopes", () => {
    const [, worst] = /largest difference of 1000 slopes: (\S+)/.exec(example("op.mjs"))!;
    expect(Number(worst)).toBeLessThan(1e-5);
  }, 120_000);

  it("predict.mjs says what a photo shows", () => {
    const { width, height, data } = picture();
    writeFileSync(join(packed.app, "photo.png"), encodePng({ width, height, data: Uint8Array.from(data) }));
    const said = example("predict.mjs", MODEL, "photo.png");
    const shares = [...said.matchAll(/^([\d.]+) % {2}\S/gm)].map(([, share]) => Number(share));
    expect(shares.length).toBe(3);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    expect(said).toContain("sees rgb, tells 8 classes apart");
  }, 120_000);
});

describe("a network of the package predicts", () => {
  const own = expected();

  it("in Node", async () => {
    writeFileSync(join(packed.app, "main.js"), nodeApp());
    const { code, out, err } = runNode(packed.app, "main.js");
    expect(code, err).toBe(0);
    expectAlike(JSON.parse(out), await own);
  }, 120_000);

  it("in an empty Node project, installed from the registry", async (context) => {
    const folder = join(packed.app, "../fresh");
    const complaint = install(packed.tarball, ["webgpu@0.6.2"], folder);
    if (complaint && /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ENOTCACHED|ETIMEDOUT|network/.test(complaint)) {
      context.skip("the npm registry cannot be reached");
    }
    expect(complaint).toBeNull();
    for (const file of ["answer.js", MODEL]) copyFileSync(join(packed.app, file), join(folder, file));
    writeFileSync(join(folder, "main.js"), nodeApp());
    const { code, out, err } = runNode(folder, "main.js");
    expect(code, err).toBe(0);
    expectAlike(JSON.parse(out), await own);
    const info = runNode(folder, "node_modules/.bin/onestage", "info", "--json");
    if (process.env.ONESTAGE_ADAPTER_CHOSEN === "swiftshader") {
      // Which only the project's own tests bring along.
      expect({ code: info.code, out: info.out }).toEqual({ code: 2, out: "" });
      expect(info.err).toContain("SwiftShader is not installed (npm install @sparticuz/chromium)");
    } else {
      expect(info.code, info.err).toBe(0);
      expect(JSON.parse(info.out)).toHaveProperty("adapter");
    }
  }, 300_000);

  const browser = findChromium();
  describe.runIf(browser)("in a page", () => {
    let page: Page;
    let close: () => Promise<void>;
    const faults: string[] = [];
    beforeAll(async () => {
      const opened = await chromium.launch(browser);
      page = await opened.newPage();
      page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
      page.on("pageerror", (error) => faults.push(String(error)));
      close = () => opened.close();
    }, 60_000);
    afterAll(() => close?.());

    const pageApp = () => `
import { answer } from "./answer.js";
globalThis.said = (async () => answer(new Uint8Array(await (await fetch("/model")).arrayBuffer()), ${literal()}))();
`;

    async function answerOf(script: string): Promise<Answer> {
      const site = "https://onestage.test/";
      await page.unrouteAll();
      await page.route(`${site}**`, (route) => {
        const path = new URL(route.request().url()).pathname;
        if (path === "/model") return route.fulfill({ body: readFileSync(join(packed.app, MODEL)) });
        if (path === "/app.js") return route.fulfill({ contentType: "text/javascript", body: script });
        return route.fulfill({
          contentType: "text/html",
          body: '<!doctype html><title>app</title><link rel="icon" href="data:,"><script type="module" src="/app.js"></script>',
        });
      });
      await page.goto(site);
      await page.waitForFunction("globalThis.said");
      return (await page.evaluate("globalThis.said")) as Answer;
    }

    it("bundled by esbuild", async () => {
      const { outputFiles } = await build({
        stdin: { contents: pageApp(), resolveDir: packed.app },
        ...{ bundle: true, format: "esm", platform: "browser", write: false, minify: true },
      });
      expectAlike(await answerOf(outputFiles[0]!.text), await own);
      expect(faults).toEqual([]);
    }, 120_000);

    it("the example of a page, with a picture that somebody picks", async () => {
      const { outputFiles } = await build({
        stdin: { contents: readFileSync(join(root, "examples/page/main.js"), "utf8"), resolveDir: packed.app },
        ...{ bundle: true, format: "esm", platform: "browser", write: false },
      });
      const served: Record<string, { contentType: string; body: string | Buffer }> = {
        "/": { contentType: "text/html", body: readFileSync(join(root, "examples/page/index.html")) },
        "/bundle.js": { contentType: "text/javascript", body: outputFiles[0]!.text },
        "/net.safetensors": { contentType: "", body: readFileSync(join(packed.app, MODEL)) },
      };
      await page.unrouteAll();
      await page.route("https://onestage.test/**", (route) =>
        route.fulfill(served[new URL(route.request().url()).pathname]!),
      );
      await page.goto("https://onestage.test/");
      await page.getByText("Ready.").waitFor({ timeout: 60_000 });
      const { width, height, data } = picture();
      const buffer = Buffer.from(encodePng({ width, height, data: Uint8Array.from(data) }));
      await page.getByLabel("Picture").setInputFiles({ name: "photo.png", mimeType: "image/png", buffer });
      await page.getByText(`${(await own).top}, `).waitFor({ timeout: 60_000 });
      await page
        .getByLabel("Picture")
        .setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("no") });
      await page.getByText("expected").waitFor();
      expect(faults).toEqual([]);
    }, 120_000);

    it("bundled by Vite", async () => {
      writeFileSync(join(packed.app, "page.js"), pageApp());
      const result = await viteBuild({
        ...{ root: packed.app, logLevel: "error", configFile: false },
        build: { write: false, lib: { entry: join(packed.app, "page.js"), formats: ["es"], fileName: "app" } },
      });
      const [first] = [result].flat() as { output: { code: string }[] }[];
      expectAlike(await answerOf(first!.output[0]!.code), await own);
      expect(faults).toEqual([]);
    }, 120_000);
  });
});
