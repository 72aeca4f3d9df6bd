import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { renderScene } from "../../src/data/scenes/index.ts";
import { openNetwork } from "../../src/infer/index.ts";
import { argmax } from "../../src/model/metrics.ts";
import { pngFile } from "../data/pngFile.ts";
import { testDevice } from "../device.ts";
import { disturbed, openSite, says } from "./site.ts";

// A camera that shows a pattern, and is allowed.
const site = openSite(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
const root = fileURLToPath(new URL("../../", import.meta.url));
const picture = (page: Page) => page.evaluate(() => document.querySelector<HTMLCanvasElement>("#picture")!.toDataURL());

async function upload(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  await page.setInputFiles("#file", { name, mimeType: "image/png", buffer: Buffer.from(bytes) });
}

describe("the demo", disturbed, () => {
  it("shows a scene to both networks, names its object and its pixels, as Node does", async () => {
    const { page, troubles, longestTask } = await site.visit("index.html");
    await says(page, "#state", /^Scene 1$/);
    const first = await picture(page);
    await page.click("[aria-label='Scene 3']");
    await says(page, "#state", /^Scene 3$/);
    expect(await picture(page)).not.toBe(first);
    expect(await page.getAttribute("[aria-label='Scene 3']", "aria-pressed")).toBe("true");
    for (const name of ["one-stage-rgb", "rgb-only"]) {
      const file = `web/models/classify-${name}.safetensors`;
      const network = openNetwork(await testDevice(), readFileSync(join(root, file)), file);
      const { width, height } = network.facts;
      const { rgb: data, target } = renderScene(1, "test/2", { width, height, target: 2 });
      const probabilities = (await network.predict({ rgb: { width, height, data } })).probabilities!;
      network.dispose();
      const best = argmax(probabilities);
      const verdict = await page.textContent(`#${name} .verdict`);
      const [, sign, said, percent] = /^(.) (.*), (\d+)%$/.exec(verdict!)!;
      expect([sign, said]).toEqual([best === target ? "✓" : "✗", network.classes[best]]);
      expect(Math.abs(Number(percent) - 100 * probabilities[best]!)).toBeLessThan(1);
      expect(await page.textContent(`#${name} .time`)).toMatch(/^\d+ ms$/);
    }
    expect(await page.textContent("#restored-note")).toMatch(/^Mean of \d+ features in \d+ × \d+ cells/);
    expect(await page.locator("#channels canvas").count()).toBe(4);

    await page.check("[name=task][value=segment]", { force: true });
    for (const name of ["one-stage-rgb", "rgb-only"]) {
      await says(page, `#${name} .verdict`, /^\d+(\.\d)?% of the pixels right$/);
    }
    expect(await page.isVisible("#truth")).toBe(true);
    expect(await longestTask()).toBeLessThan(50);
    expect(troubles.said).toEqual([]);
  }, 300_000);

  it("scores both over many scenes, as Node does, until it is stopped", async () => {
    const { page, troubles } = await site.visit("index.html");
    await page.click("#score:not([disabled])");
    await says(page, "#score-text", /^Of (8|12|16|20) scenes one-stage names \d/);
    await page.click("#score");
    await says(page, "#score", /^Ask both about 200 scenes$/);
    await says(page, "#state", /^Scene 1$/);
    const [, count, ours, other] = /^Of (\d+) scenes one-stage names (.*)% right, colour only (.*)%\.$/.exec(
      (await page.textContent("#score-text"))!,
    )!;
    for (const [name, share] of [["one-stage-rgb", ours] as const, ["rgb-only", other] as const]) {
      const file = `web/models/classify-${name}.safetensors`;
      const network = openNetwork(await testDevice(), readFileSync(join(root, file)), file);
      const { width, height } = network.facts;
      let right = 0;
      for (let index = 0; index < Number(count); index++) {
        const { rgb: data, target } = renderScene(1, `test/${index}`, { width, height, target: index % 8 });
        if (argmax((await network.predict({ rgb: { width, height, data } })).probabilities!) === target) right++;
      }
      network.dispose();
      expect(Math.abs(Number(share) - (100 * right) / Number(count)), name).toBeLessThan(0.06);
    }
    expect(troubles.said).toEqual([]);
  }, 300_000);

  it("takes pictures of the visitor's, and says what is wrong with those that are none", async () => {
    const { page, troubles } = await site.visit("index.html");
    await page.waitForSelector("#upload:not([disabled])");
    const scene = await picture(page);
    await page.setInputFiles("#file", join(root, "docs/report.png"));
    await says(page, "#state", /^report\.png$/);
    const own = await picture(page);
    expect(own).not.toBe(scene);
    expect(await page.textContent("#depth-note")).toBe("Depth: your picture has none");
    expect(await page.textContent("#rgb-only .verdict")).toMatch(/^[a-z -]+, \d+%$/);

    const bomb = pngFile({ width: 30000, height: 30000, bits: 8, colour: 2 });
    const hostile: [string, Uint8Array, RegExp][] = [
      ["words.png", new TextEncoder().encode("<svg onload=alert(1)>"), /^words\.png: expected a whole picture, got/],
      ["bomb.png", bomb, /^bomb\.png: expected a picture of 1 to 4096 pixels a side, got 30000x30000$/],
      ["cut.png", bomb.subarray(0, 40), /^cut\.png: expected/],
      ["empty.png", new Uint8Array(), /^empty\.png: expected/],
    ];
    for (const [name, bytes, message] of hostile) {
      await upload(page, name, bytes);
      await says(page, "#error-text", message);
      expect(await picture(page)).toBe(own);
    }
    await page.click("[aria-label='Scene 2']");
    await says(page, "#state", /^Scene 2$/);
    expect(await page.isHidden("#error")).toBe(true);
    expect(troubles.said).toEqual([]);
  }, 300_000);

  it("lets every camera go that it was given, however fast one clicks", async () => {
    const { page, troubles } = await site.visit("index.html");
    await page.waitForSelector("#camera:not([disabled])");
    await page.evaluate(() => {
      const { mediaDevices } = navigator;
      const ask = mediaDevices.getUserMedia.bind(mediaDevices);
      const given: MediaStream[] = [];
      Object.assign(globalThis, { given });
      mediaDevices.getUserMedia = async (constraints) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        const stream = await ask(constraints);
        given.push(stream);
        return stream;
      };
    });
    const states = () =>
      page.evaluate(() =>
        (globalThis as unknown as { given: MediaStream[] }).given.map((stream) => stream.getTracks()[0]!.readyState),
      );
    // Asked for, taken back, and asked for again while the first is still to be given.
    for (const _ of [1, 2, 3]) await page.click("#camera");
    await says(page, "#state", /^Camera$/);
    expect(await page.textContent("#camera")).toBe("Stop the camera");
    await expect.poll(states).toEqual(["ended", "live"]);
    // Stopped and started at once: what the first leaves late says nothing of the second.
    await page.click("#camera");
    await page.click("#camera");
    await expect.poll(states).toEqual(["ended", "ended", "live"]);
    await page.waitForTimeout(800);
    expect(await page.textContent("#camera")).toBe("Stop the camera");
    // A scene picked while the camera is asked for is what stays.
    await page.click("#camera");
    await page.click("#camera");
    await page.click("[aria-label='Scene 4']");
    await says(page, "#state", /^Scene 4$/);
    await expect.poll(states).toEqual(["ended", "ended", "ended", "ended"]);
    expect(await page.textContent("#camera")).toBe("Use the camera");
    expect(await page.textContent("#state")).toBe("Scene 4");
    expect(await page.isHidden("#error")).toBe(true);
    expect(troubles.said).toEqual([]);
  }, 300_000);

  it("follows the camera until it is stopped, and outlives a lost device", async () => {
    const { page, troubles } = await site.visit("index.html");
    await page.waitForSelector("#camera:not([disabled])");
    await page.click("#camera");
    await says(page, "#state", /^Camera$/);
    const one = await picture(page);
    await page.waitForFunction(
      (before) => document.querySelector<HTMLCanvasElement>("#picture")!.toDataURL() !== before,
      one,
    );
    await page.evaluate(() => dispatchEvent(new Event("onestage-lose-device")));
    const two = await picture(page);
    await page.waitForFunction(
      (before) => document.querySelector<HTMLCanvasElement>("#picture")!.toDataURL() !== before,
      two,
    );
    expect(await page.textContent("#camera")).toBe("Stop the camera");
    await page.click("#camera");
    expect(await page.textContent("#camera")).toBe("Use the camera");
    expect(await page.evaluate(() => document.querySelector("video")!.srcObject)).toBe(null);
    await page.click("[aria-label='Scene 4']");
    await says(page, "#state", /^Scene 4$/);
    expect(troubles.said).toEqual([]);
  }, 300_000);
});
