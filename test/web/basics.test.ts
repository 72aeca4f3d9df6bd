import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { disturbed, openSite, says } from "./site.ts";

const site = openSite();
// To be looked at.
const pictures = join(fileURLToPath(new URL("../../", import.meta.url)), "dist/screenshots");

/** Each page, and how it says that all it does by itself is done. */
const pages: [path: string, ready: (page: Page) => Promise<unknown>][] = [
  ["index.html", (page) => page.waitForSelector("#camera:not([disabled])")],
  ["train.html", (page) => page.waitForSelector("#start:not([disabled])")],
  ["bench.html", (page) => page.waitForSelector("#bench-start:not([disabled])")],
];

/** What the keyboard must come to, of each page. */
const stops: Record<string, string[]> = {
  "index.html": ["task", "camera"],
  "train.html": ["task", "start"],
  "bench.html": ["set", "words", "bench-start"],
};

/** What a reader of screens could not name. */
function nameless(): string[] {
  const named = (found: Element) => {
    const labels = (found as HTMLInputElement).labels ?? [];
    const by = (found.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id));
    const texts = [found, ...labels, ...by].map((one) => one?.textContent ?? "");
    return [found.getAttribute("aria-label") ?? "", ...texts].some((text) => text.trim() !== "");
  };
  const all = document.querySelectorAll(
    "a,button,input,select,summary,progress,fieldset,nav,[role],canvas,figure,section",
  );
  return [...all]
    .filter((found) => !(found.closest("[aria-label],button") !== found && found.matches("canvas")) && !named(found))
    .map((found) => found.outerHTML.slice(0, 90));
}

/** Texts whose contrast with what is behind them is under 4.5. */
function faint(): string[] {
  const numbers = (colour: string) => colour.match(/[\d.]+/g)!.map(Number) as [number, number, number, number?];
  const light = (colour: string) => {
    const [r, g, b] = numbers(colour).map((value) => {
      const share = value! / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const behind = (element: Element | null): string => {
    if (!element) return "rgb(255, 255, 255)";
    const { backgroundColor } = getComputedStyle(element);
    const [, , , opacity = 1] = numbers(backgroundColor);
    return opacity === 0 ? behind(element.parentElement) : backgroundColor;
  };
  const bad: string[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement!;
    if (!node.textContent!.trim() || !element.checkVisibility() || element.closest("script,option")) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) bad.push(`${contrast.toFixed(2)}: ${node.textContent!.trim().slice(0, 40)}`);
  }
  return bad;
}

describe.each(pages)("%s", disturbed, (path, ready) => {
  it.each(["light", "dark"] as const)(
    "is complete, legible and still, %s",
    async (colorScheme) => {
      const viewport = { width: 1280, height: 900 };
      const { page, troubles, longestTask } = await site.visit(path, { colorScheme, viewport });
      await ready(page);
      await page.waitForTimeout(500);
      expect(await page.getAttribute("html", "lang")).toBe("en");
      expect(await page.title()).toMatch(/onestage/);
      expect(await page.locator("h1").count()).toBe(1);
      expect(await page.locator("nav [aria-current=page]").count()).toBe(1);
      expect(await page.evaluate(nameless)).toEqual([]);
      expect(await page.evaluate(faint)).toEqual([]);
      expect(await page.evaluate(() => shifted)).toEqual([]);
      expect(await longestTask()).toBeLessThan(50);
      expect(troubles.said).toEqual([]);
      mkdirSync(pictures, { recursive: true });
      await page.screenshot({ path: join(pictures, `${path}-${colorScheme}.png`), fullPage: true });
    },
    120_000,
  );

  it("fits a phone, and is used by keyboard", async () => {
    const { page, troubles } = await site.visit(path, { viewport: { width: 360, height: 780 } });
    await ready(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    const reached = new Set<string>();
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      const [name, outline] = await page.evaluate(() => {
        const at = document.activeElement!;
        // A hidden radio button is seen by its label.
        const seen = at.matches("[type=radio]") ? at.closest("label")! : at;
        return [at.id || (at as HTMLInputElement).name || at.textContent!, getComputedStyle(seen).outlineStyle];
      });
      if (reached.has(name!)) continue;
      reached.add(name!);
      if (name!.trim() !== "" && !/^\s/.test(name!)) expect([name, outline]).toEqual([name, "solid"]);
    }
    expect([...reached]).toEqual(expect.arrayContaining(stops[path]!));
    expect(troubles.said).toEqual([]);
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${path}-phone.png`), fullPage: true });
  }, 120_000);

  it("says what is needed where there is no WebGPU", async () => {
    const { page, troubles } = await site.visit(path, {}, "delete Navigator.prototype.gpu;");
    await says(page, "#no-webgpu", /This page needs WebGPU.*Chrome and Edge.*Safari.*Firefox/s);
    expect(await page.isVisible("#no-webgpu")).toBe(true);
    expect(await page.locator("main button:not([disabled]):visible").count()).toBe(0);
    expect(troubles.said).toEqual([]);
  });
});
