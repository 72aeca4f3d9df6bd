import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { chromium } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chooseAdapter } from "../../scripts/lib/adapter.mjs";
import { findChromium } from "../../scripts/lib/chromium.mjs";
import { bundle, scratchScript } from "./bundle.ts";
import type { ParityResult } from "./run.ts";

const STEPS = 20;
const packaged = process.platform === "linux" && process.arch === "x64";

describe.runIf(packaged)("the same bits everywhere on SwiftShader", () => {
  const script = scratchScript();
  afterAll(script.remove);

  /** Runs the bundle in a fresh Node process on SwiftShader. */
  function runNode(environment: Record<string, string> = {}): ParityResult {
    const adapter = chooseAdapter("swiftshader");
    const child = spawnSync(process.execPath, [script.path], {
      env: { ...process.env, ...adapter.environment, ...environment },
      encoding: "utf8",
      timeout: 300_000,
      maxBuffer: 1 << 26,
    });
    if (child.status !== 0) throw new Error(`node exited with ${child.status}: ${child.stderr}`);
    return JSON.parse(child.stdout.slice(child.stdout.indexOf("{")));
  }

  let node: ParityResult;
  beforeAll(async () => {
    const print = `console.log(JSON.stringify(await runParity(${STEPS})));`;
    await bundle("node", `import { runParity } from "./run.ts";\n${print}`, script.path);
    node = runNode();
  }, 300_000);

  it("two Node processes", () => {
    expect(node.adapter.toLowerCase()).toContain("swiftshader");
    expect(Object.keys(node.cases).length).toBeGreaterThan(100);
    expect(runNode({ TMPDIR: tmpdir() })).toEqual(node);
  }, 300_000);

  it("Node and Chromium", async () => {
    const code = await bundle(
      "browser",
      `import { runParity } from "./run.ts";\nglobalThis.onestageParity = runParity;`,
    );
    const browser = await chromium.launch(findChromium());
    try {
      const page = await browser.newPage();
      // WebGPU and SHA-256 exist in secure contexts only.
      await page.route("https://onestage.test/", (route) =>
        route.fulfill({ contentType: "text/html", body: "<!doctype html><title>parity</title>" }),
      );
      await page.goto("https://onestage.test/");
      await page.addScriptTag({ content: code, type: "module" });
      await page.waitForFunction("globalThis.onestageParity");
      const result = (await page.evaluate(`globalThis.onestageParity(${STEPS})`)) as ParityResult;
      expect(result.cases).toEqual(node.cases);
      expect(result.training).toBe(node.training);
    } finally {
      await browser.close();
    }
  }, 300_000);
});
