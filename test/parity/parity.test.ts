import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { chromium } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chooseAdapter } from "../../scripts/lib/adapter.mjs";
import { findChromium } from "../../scripts/lib/chromium.mjs";
import { bundle, parityProgram, scratchScript } from "./bundle.ts";
import type { ParityResult } from "./run.ts";

const STEPS = 50;
// A minute where two cores have nothing else to do.
const LIMIT = 900_000;
const packaged = process.platform === "linux" && process.arch === "x64";

describe.runIf(packaged)("the same bits everywhere on SwiftShader", () => {
  const script = scratchScript();
  afterAll(script.remove);
  const program = parityProgram(STEPS);

  /** Runs the bundle in a fresh Node process on SwiftShader. */
  async function runNode(): Promise<ParityResult> {
    const { environment } = chooseAdapter("swiftshader");
    const child = spawn(process.execPath, [script.path], { env: { ...process.env, ...environment }, timeout: LIMIT });
    const exited = new Promise((resolve) => child.once("close", resolve));
    const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const status = await exited;
    if (status !== 0) throw new Error(`node exited with ${status}: ${errors.slice(-2000)}`);
    return JSON.parse(out.slice(out.indexOf("{")));
  }

  /** Runs the bundle in a page. */
  async function runChromium(): Promise<ParityResult> {
    const code = await bundle("browser", `${program}\nglobalThis.onestageParity = run;`);
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
      return (await page.evaluate("globalThis.onestageParity()")) as ParityResult;
    } finally {
      await browser.close();
    }
  }

  let node: ParityResult;
  let again: ParityResult;
  let page: ParityResult;
  beforeAll(async () => {
    await bundle("node", `${program}\nconsole.log(JSON.stringify(await run()));`, script.path);
    // Side by side: compiling, which is what takes long, is work for one core each.
    [node, again, page] = await Promise.all([runNode(), runNode(), runChromium()]);
  }, LIMIT);

  it("compares something", () => {
    expect(node.adapter.toLowerCase()).toContain("swiftshader");
    expect(Object.keys(node.cases).length).toBeGreaterThan(100);
    expect(new Set(Object.values(node.data)).size).toBe(Object.keys(node.data).length);
    for (const { losses } of Object.values(node.training)) expect(losses[1]).toBeLessThan(losses[0]);
    const said = Object.values(node.predictions);
    expect(said.filter(({ restored }) => restored).length).toBeGreaterThan(0);
    const classified = said.flatMap(({ probabilities }) => (probabilities ? [probabilities] : []));
    const segmented = said.flatMap(({ labels }) => (labels ? [labels] : []));
    expect([classified.length, segmented.length]).toEqual([said.length / 2, said.length / 2]);
    for (const row of classified) expect(row.reduce((sum, one) => sum + one)).toBeCloseTo(1, 5);
    for (const { different } of segmented) expect(different).toBeGreaterThan(2);
  });

  it("two Node processes", () => {
    expect(again).toEqual(node);
  });

  it.each(["cases", "data", "training", "predictions"] as const)("Node and Chromium: %s", (part) => {
    expect(page[part]).toEqual(node[part]);
  });
});
