import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { allCases, isShort } from "../../bench/all.ts";
import { compare } from "../../bench/compare.ts";
import { parseResult, type Result } from "../../bench/result.ts";
import { rowCells } from "../../bench/text.ts";
import type { Trace } from "../../src/tensor/trace.ts";
import { result, row } from "../bench/fixture.ts";
import { disturbed, openSite, says } from "./site.ts";

const site = openSite();
// To be looked at.
const pictures = join(fileURLToPath(new URL("../../", import.meta.url)), "dist/screenshots");
const LONG = 180_000;
const SMALL = ["matmul 64x512x10", "matmul 64x512x10 backward"];

const ready = (page: Page) => page.waitForSelector("#bench-start:not([disabled])");
/** Waits until a table has all its rows. */
const filled = (page: Page, table: string) => page.locator(`${table}[aria-busy=false]`).waitFor({ state: "attached" });

const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();

async function measure(page: Page, words = "64x512x10"): Promise<void> {
  await ready(page);
  await page.check("[name=set][value=kernel]", { force: true });
  await page.fill("[name=words]", words);
  await page.fill("[name=rounds]", "3");
  await page.fill("[name=budget]", "0.05");
  await page.click("#bench-start");
}

async function profile(page: Page, choice: Record<string, string>): Promise<void> {
  await ready(page);
  await page.check("[name=view][value=profile]", { force: true });
  const { step, ...numbers } = choice;
  if (step) await page.selectOption("[name=step]", step);
  for (const [name, value] of Object.entries(numbers)) await page.fill(`[name=${name}]`, value);
  await page.click("#profile-start");
  await says(page, "#profile-state", /^Done$/, LONG);
}

async function download(page: Page, control: string): Promise<{ name: string; text: string }> {
  const [file] = await Promise.all([page.waitForEvent("download"), page.click(control)]);
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), "utf8") };
}

async function load(page: Page, name: string, text: string): Promise<void> {
  await page.setInputFiles("#file", { name, mimeType: "application/json", buffer: Buffer.from(text) });
}

describe("measuring in a page", disturbed, () => {
  it("gives what Node's bench gives, to be downloaded and compared", async () => {
    const viewport = { width: 1280, height: 900 };
    const { page, troubles, longestTask } = await site.visit("bench.html", { viewport });
    await measure(page);
    expect(await page.textContent("#bench-command")).toBe(
      'npm run bench -- --filter "kernel 64x512x10" --rounds 3 --budget 0.05 --json node.json',
    );
    await says(page, "#bench-state", /^Done$/, LONG);
    expect(await page.textContent("#fact-done")).toBe("2 of 2");
    expect(await texts(page, "#rows tbody th")).toEqual(SMALL);
    const plotted = async () => (await texts(page, "#roofline circle title")).map((title) => title.split(":")[0]);
    await expect.poll(plotted).toEqual(SMALL);

    const { name, text } = await download(page, "#bench-download");
    expect(name).toMatch(/^onestage-bench-\d{4}-\d\d-\d\d\.json$/);
    const measured = parseResult(text, name);
    expect(Object.keys(measured)).toEqual(
      expect.arrayContaining(["format", "facts", "options", "ceilings", "rows", "skipped", "interrupted"]),
    );
    expect(measured).toMatchObject({ options: { filter: "kernel 64x512x10", rounds: 3 }, interrupted: false });
    expect(measured.facts).toMatchObject({ adapter: { vendor: "google" }, versions: { node: null } });
    expect(measured.facts.versions.browser).toMatch(/Chrome \d+/);
    for (const { wall, first: cold, dispatches } of measured.rows) {
      expect([wall.n, dispatches > 0, cold > 0, wall.median > 0]).toEqual([3, true, true, true]);
    }
    const [first] = measured.rows;
    const columns = [0, 1, 2, 4, 5, 6, 7, 8];
    const shown = await texts(page, "#rows tbody tr:first-child > *");
    expect(shown).toEqual(columns.map((column) => rowCells(first!, measured.ceilings)[column]));

    // An earlier run that was a hundred times as fast, in Node.
    const faster = structuredClone(measured);
    for (const { wall, gpu } of faster.rows) {
      for (const summary of [wall, gpu]) {
        if (summary) Object.assign(summary, { median: summary.median / 100, spread: 0 });
      }
    }
    faster.facts.versions = { onestage: "0.1.0", node: "20.0.0", webgpu: "0.6.2" };
    const other: Result = { ...faster, rows: faster.rows.slice(0, 1) };
    const [change] = compare(other, measured).changes;
    await load(page, "node.json", JSON.stringify(other));
    await says(page, "#comparison", /Compared with node\.json: 1 cases on google swiftshader, Node 20\.0\.0/);
    await says(page, "#comparison", /other runtime: Node with webgpu 0\.6\.2 before, \w*Chrome/);
    expect(change!.verdict).toBe("slower");
    expect(await texts(page, "#rows tr.slower > *")).toEqual(
      expect.arrayContaining(["100.00×", "slower", `±${Math.round(100 * change!.band)} %`]),
    );
    expect(await page.textContent("#rows tbody tr:last-child td:last-child")).toBe("not in the file");
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, "bench.html-compared.png"), fullPage: true });

    for (const [file, contents, words] of [
      ["damaged.json", text.slice(0, 500), /^damaged\.json: expected JSON that the bench wrote, got: /],
      ["other.json", "{}", /^other\.json: expected the format onestage-bench\/1, got undefined$/],
      ["half.json", '{"format":"onestage-bench/1","rows":[]}', /^half\.json: expected what the run was made on/],
    ] as const) {
      await load(page, file, contents);
      await says(page, "#error-text", words);
    }
    // What was compared with before still is.
    expect(await page.locator("#rows tr.slower").count()).toBe(1);
    await page.click("#unload");
    expect(await page.locator("#rows tr.slower").count()).toBe(0);
    expect(await longestTask()).toBeLessThan(50);
    expect(troubles.said).toEqual([]);
  }, 300_000);

  it("keeps what it has when it is stopped or the device is lost, and can begin again", async () => {
    const { page, troubles } = await site.visit("bench.html");
    await measure(page, "matmul");
    await page.waitForSelector("#rows tbody tr >> nth=1", { timeout: LONG });
    await page.click("#bench-stop");
    await says(page, "#bench-state", /^Stopped$/, LONG);
    const { text } = await download(page, "#bench-download");
    expect(parseResult(text, "stopped")).toMatchObject({ interrupted: true });

    await measure(page, "no such case");
    await says(page, "#error-text", /^words: expected words of a case, got kernel no such case$/);
    await measure(page, "conv2d");
    await says(page, "#bench-note", /^Measuring conv2d/, LONG);
    await page.evaluate(() => dispatchEvent(new Event("onestage-lose-device")));
    await says(page, "#bench-state", /^Broken off$/, LONG);
    await says(page, "#error-text", /lost/);
    await measure(page);
    await says(page, "#bench-state", /^Done$/, LONG);
    expect(await page.isHidden("#error")).toBe(true);
    expect(troubles.said).toEqual([]);
  }, 600_000);

  it("stays quick with every case in its table", async () => {
    const { page, troubles, longestTask } = await site.visit("bench.html");
    const full = result(allCases().map(({ name, group, block }, i) => row(name, 1 + i, { group, block })));
    // A worker that has measured everything.
    await page.route("**/worker/main.js", (route) =>
      route.fulfill({
        contentType: "text/javascript",
        body: `
          const result = ${JSON.stringify(full)};
          const answers = { device: { name: "an adapter", software: false, timestamps: true }, "bench/measure": result };
          const cases = result.rows.map((row) => ({ ...row, short: true }));
          onmessage = ({ data: { id, call } }) => {
            if (call === "bench/measure") {
              postMessage({ event: "bench", data: { result, total: result.rows.length, next: null, left: null } });
            }
            postMessage({ id, result: answers[call] ?? cases });
          };`,
      }),
    );
    await page.reload();
    await ready(page);
    await page.click("#bench-start");
    await says(page, "#bench-state", /^Done$/);
    await load(page, "same.json", JSON.stringify(full));
    await says(page, "#comparison", new RegExp(`0 faster, 0 slower, ${full.rows.length} within the noise`));
    await filled(page, "#rows");
    expect(await page.locator("#rows tbody tr").count()).toBe(full.rows.length);
    expect(await longestTask()).toBeLessThan(50);
    expect(troubles.said).toEqual([]);
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, "bench.html-all.png"), fullPage: true });
  }, 60_000);

  it("offers the cases of Node's bench", async () => {
    const { page } = await site.visit("bench.html");
    await ready(page);
    const listed = async () => (await page.textContent("#cases"))!.split("\n");
    const names = allCases().map(({ group, name }) => `${group} ${name}`);
    const short = allCases().filter(isShort);
    expect(short.length).toBe(11);
    expect(await listed()).toEqual(short.map(({ group, name }) => `${group} ${name}`));
    await page.check("[name=set][value=all]", { force: true });
    expect(await listed()).toEqual(names);
  }, 60_000);
});

describe("profiling in a page", disturbed, () => {
  it("shows a training step by op, layer, shape and kernel, and hands out a trace", async () => {
    const { page, troubles } = await site.visit("bench.html");
    await profile(page, { batch: "4", size: "16", runs: "1" });
    expect(await page.textContent("#groups-title")).toBe(
      "one-stage-rgb, tiny (classify), training step, 4 images of 16×16",
    );
    await filled(page, "#groups");
    expect(await texts(page, "#groups th")).toEqual(expect.arrayContaining(["conv2d gradient", "adamw", "mmd"]));
    await says(page, "#profile-text", /^one-stage-rgb.*^ceilings of this adapter: [\d.]+ GFLOP\/s.*^total /ms);
    for (const [by, pattern] of [
      ["layer", /^[ah]\.layer\d\.0\.conv\d$/],
      ["shape", /^conv2d(?: gradient)? 4×/],
      ["kernel", /^conv2d/],
    ] as const) {
      await page.check(`[name=by][value=${by}]`, { force: true });
      await filled(page, "#groups");
      expect((await texts(page, "#groups thead th"))[0]).toBe(by);
      expect((await texts(page, "#groups tbody th")).filter((name) => pattern.test(name))).not.toEqual([]);
    }
    const count = Number(await page.textContent("#groups tr.total td:nth-child(4)"));
    const { name, text } = await download(page, "#trace");
    expect(name).toBe("one-stage-rgb-trace.json");
    const { traceEvents } = JSON.parse(text) as Trace;
    expect(traceEvents.filter(({ ph, tid }) => ph === "X" && tid === 1)).toHaveLength(count);
    expect(troubles.said).toEqual([]);
  }, 300_000);

  it("shows the prediction of a network of the demo, and does without the GPU's clock where there is none", async () => {
    const { page, troubles } = await site.visit("bench.html");
    await page.route("**/worker/main.js", async (route) => {
      const response = await route.fetch();
      const hide = `
        const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "features");
        const rest = (all) => new Set([...all].filter((name) => name !== "timestamp-query"));
        Object.defineProperty(GPUAdapter.prototype, "features", { get() { return rest(get.call(this)); } });`;
      await route.fulfill({ response, body: hide + (await response.text()) });
    });
    await page.reload();
    await says(page, "#device", /does not let pages read the GPU's clock \(timestamp-query\)/);
    await profile(page, { step: "predict classify one-stage-rgb", batch: "2", runs: "1" });
    expect(await page.textContent("#groups-title")).toBe(
      "one-stage-rgb, tiny (classify), prediction, 2 images of 64×64",
    );
    await says(page, "#profile-note", /^Without the GPU's clock each dispatch was submitted and awaited alone/);
    await says(page, "#profile-text", /^times: wall time, medians over 1 runs$/m);
    await filled(page, "#groups");
    expect(await texts(page, "#groups tbody th")).toContain("conv2d");
    expect((await texts(page, "#groups tbody th")).join()).not.toContain("gradient");
    await page.check("[name=view][value=bench]", { force: true });
    await measure(page);
    await says(page, "#bench-state", /^Done$/, LONG);
    const { text } = await download(page, "#bench-download");
    expect(parseResult(text, "no clock").rows.map(({ gpu }) => gpu)).toEqual([null, null]);
    expect(troubles.said).toEqual([]);
  }, 300_000);
});

it("fits a phone, and all there is to use has a name", async () => {
  const visit = { viewport: { width: 360, height: 780 }, colorScheme: "dark" } as const;
  const { page, troubles } = await site.visit("bench.html", visit);
  const fits = async (name: string) => {
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    const nameless = /^\s*- (?:button|checkbox|combobox|img|progressbar|radio|searchbox|spinbutton|table)(?! ")/;
    const seen = (await page.locator("main").ariaSnapshot()).split("\n");
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.filter((line) => nameless.test(line))).toEqual([]);
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `bench.html-phone-${name}.png`), fullPage: true });
  };
  await measure(page);
  await says(page, "#bench-state", /^Done$/, LONG);
  for (const summary of await page.locator("#bench summary").all()) await summary.click();
  await fits("bench");
  await profile(page, { step: "predict segment rgb-only", batch: "1", runs: "1" });
  await page.click("#groups-card summary");
  await page.check("[name=by][value=shape]", { force: true });
  await fits("profile");
  expect(troubles.said).toEqual([]);
}, 300_000);

it("says what is needed where there is no WebGPU", async () => {
  const { page, troubles } = await site.visit("bench.html", {}, "delete Navigator.prototype.gpu;");
  await says(page, "#no-webgpu", /This page needs WebGPU/);
  expect(await page.isVisible("#no-webgpu")).toBe(true);
  expect(await page.locator("main button:not([disabled]):visible").count()).toBe(0);
  expect(troubles.said).toEqual([]);
});
