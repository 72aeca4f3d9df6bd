import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright";
import { afterAll, describe, expect, it } from "vitest";
import { chooseAdapter } from "../../scripts/lib/adapter.mjs";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { readNetworkFacts } from "../../src/infer/facts.ts";
import { bundledProgram, startProgram } from "../cli/process.ts";
import { disturbed, openSite, says } from "./site.ts";

const site = openSite();
const packaged = process.platform === "linux" && process.arch === "x64";

/** 2 networks of 16 steps each. */
const CHOICE = { size: 16, scenes: 16, validation: 8, epochs: 8, batch: 8, seed: 3 };

async function choose(page: Page, choice: Record<string, number>): Promise<void> {
  for (const [name, value] of Object.entries(choice)) await page.fill(`[name=${name}]`, String(value));
}

/** Waits until so many steps are done. */
async function steps(page: Page, count: number): Promise<void> {
  const done = (least: number) => Number.parseInt(document.querySelector("#fact-step")!.textContent!, 10) >= least;
  await page.waitForFunction(done, count, { timeout: 120_000 });
}

async function download(page: Page): Promise<{ name: string; bytes: Uint8Array }> {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

/** Waits until an element says something else. */
async function changes(page: Page, selector: string): Promise<void> {
  const before = await page.textContent(selector);
  const changed = ([where, text]: (string | null)[]) => document.querySelector(where!)!.textContent !== text;
  await page.waitForFunction(changed, [selector, before], { timeout: 60_000 });
}

/** Stops all that runs of a page, its workers too, for a while: as a browser does to a tab in the background to save power. */
async function freeze(page: Page, milliseconds: number): Promise<void> {
  await page.evaluate(() => {
    let last = performance.now();
    setInterval(() => {
      const gap = performance.now() - last;
      document.body.dataset.gap = String(Math.max(Number(document.body.dataset.gap ?? 0), gap));
      last += gap;
    }, 50);
  });
  const session = await page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
  for (const id of renderers) process.kill(id, "SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  for (const id of renderers) process.kill(id, "SIGCONT");
  await session.detach();
  await page.waitForTimeout(200);
  expect(Number(await page.getAttribute("body", "data-gap"))).toBeGreaterThan(0.9 * milliseconds);
}

const lose = (page: Page) => page.evaluate(() => dispatchEvent(new Event("onestage-lose-device")));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("a run in a page", disturbed, () => {
  const cli = bundledProgram();
  const folder = mkdtempSync(join(tmpdir(), "onestage-page-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("ends the same after a pause, a while frozen, a reload and a lost device as without, and as in Node", async () => {
    const plain = await site.visit("train.html");
    await choose(plain.page, CHOICE);
    await plain.page.click("#start");
    await says(plain.page, "#state", /^Finished$/, 180_000);
    const whole = await download(plain.page);
    expect(await plain.page.textContent("#fact-step")).toBe("32 of 32");
    expect(await plain.page.textContent("#fact-accuracy")).toMatch(/^\d+\.\d%$/);
    expect(await plain.page.getAttribute("#loss-plot", "aria-label")).toMatch(/^After 16 steps: total \d/);
    expect(await plain.page.getAttribute("#accuracy-plot", "aria-label")).toMatch(/^After 8 epochs: /);
    await plain.close();

    const { page, troubles } = await site.visit("train.html");
    await choose(page, CHOICE);
    await page.click("#start");
    await steps(page, 10);
    await page.click("#pause");
    await says(page, "#state", /^Paused and saved$/);
    const paused = await page.textContent("#fact-step");
    await page.click("#resume");
    await says(page, "#state", /^Training$/);
    await steps(page, Number.parseInt(paused!, 10) + 2);
    await freeze(page, 1500);
    await steps(page, Number.parseInt(paused!, 10) + 4);
    await page.reload();
    await page.click("#go-on", { timeout: 120_000 });
    await steps(page, 20);
    await lose(page);
    await says(page, "#note", /was lost and opened again/);
    await says(page, "#state", /^Finished$/, 180_000);
    const broken = await download(page);
    expect(sha256(broken.bytes)).toBe(sha256(whole.bytes));
    expect(troubles.said).toEqual([]);

    expect(whole.name).toBe("classify-one-stage-rgb.safetensors");
    const { metadata, tensors } = parseSafetensors(whole.bytes, whole.name);
    expect(readNetworkFacts(metadata, whole.name)).toMatchObject({ architecture: "hallucinating", width: 16 });
    if (!packaged) return;
    const out = join(folder, "run");
    const { size, scenes, validation, epochs, batch, seed } = CHOICE;
    const flags = `--size ${size} --scenes ${scenes},${validation},${validation} --epochs ${epochs} --batch ${batch}`;
    const args = `train --methods one-stage-rgb ${flags} --seed ${seed} --lr 0.004 --no-tuned --out`;
    const node = startProgram(cli, [...args.split(" "), out], chooseAdapter("swiftshader").environment);
    expect(await node.ended, node.said.err).toBe(0);
    const file = join(out, "networks/one-stage-rgb.safetensors");
    const inNode = parseSafetensors(readFileSync(file), file).tensors;
    expect([...inNode.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, { data }] of inNode) expect(sha256(tensors.get(name)!.data), name).toBe(sha256(data));
  }, 600_000);

  it("gives up a device that is lost again and again, and what was saved goes on later", async () => {
    const { page } = await site.visit("train.html");
    await page.selectOption("[name=method]", "rgb-only");
    await choose(page, { ...CHOICE, epochs: 200 });
    await page.click("#start");
    await steps(page, 1);
    for (let losses = 1; losses <= 3; losses++) {
      await lose(page);
      // The first change goes back to what was saved, the second one is a step on another device.
      await changes(page, "#fact-step");
      await changes(page, "#fact-step");
      await says(page, "#note", /was lost and opened again/);
    }
    await lose(page);
    await says(page, "#state", /^Broken off$/);
    expect(await page.textContent("#note")).toMatch(/lost 4 times in ten minutes; try smaller images or batches/);
    await page.click("#resume");
    await says(page, "#state", /^Training$/);
    await page.click("#stop");
    await says(page, "#state", /^Stopped$/);
    expect(parseSafetensors((await download(page)).bytes, "stopped").tensors.size).toBeGreaterThan(20);
    await page.reload();
    await says(page, "#state", /^Stopped$/);
    expect(await page.isHidden("#saved")).toBe(true);
  }, 300_000);

  it("cannot be deleted in another tab while one trains it", async () => {
    const { page } = await site.visit("train.html");
    await choose(page, { ...CHOICE, epochs: 100 });
    await page.click("#start");
    await steps(page, 4);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await other.click("#discard", { timeout: 120_000 });
    await says(other, "#error", /expected no other tab that trains, got one/);
    await other.close();
    await page.click("#pause");
    await says(page, "#state", /^Paused and saved$/);
    await page.click("#resume");
    await says(page, "#state", /^Training$/);
    await page.click("#pause");
    await says(page, "#state", /^Paused and saved$/);
  }, 300_000);

  it("labels pixels, and refuses what cannot be trained in words", async () => {
    const { page, troubles, longestTask } = await site.visit("train.html");
    await page.check("[name=task][value=segment]", { force: true });
    await page.selectOption("[name=method]", "rgb-only");
    await choose(page, { ...CHOICE, scenes: 4 });
    await page.click("#start");
    await says(page, "#error-text", /^images per step: expected a whole number from 2 to 4, got 8$/);
    await choose(page, { batch: 4, epochs: 10 });
    await page.click("#start");
    await says(page, "#state", /^Finished$/, 180_000);
    expect(await page.textContent("#fact-step")).toBe("10 of 10");
    expect(await page.isHidden("#error")).toBe(true);
    expect(await longestTask()).toBeLessThan(50);
    expect(troubles.said).toEqual([]);
  }, 300_000);
});
