import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BuildOptions, context } from "esbuild";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright";
import { afterAll, beforeAll } from "vitest";
import { findChromium } from "../../scripts/lib/chromium.mjs";
import { webOptions } from "../../scripts/lib/web.mjs";

/** What went by in a page that its visitor should not notice. */
export interface Troubles {
  /** Errors and warnings of the console, and what was thrown. */
  said: string[];
}

/** A page of the site, in a browser that has not been there before unless a context is given. */
export interface Visit {
  page: Page;
  troubles: Troubles;
  close(): Promise<void>;
}

/** What is measured in the page from its start. */
interface Measured {
  shift: number;
  /** Script of the page in one go, in milliseconds, longest first. */
  scripts: number[];
}

declare global {
  var measured: Measured;
}

/** The pages, built as `npm run web` does, served, and a Chromium to look at them with; for the tests of one file. */
export function openSite(args: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), "onestage-web-"));
  let url = "";
  let browser: Browser;
  let stop = async () => {};
  beforeAll(async () => {
    const bundler = await context(webOptions(folder) as BuildOptions);
    stop = () => bundler.dispose();
    await bundler.rebuild();
    const { port } = await bundler.serve({ servedir: folder, host: "127.0.0.1" });
    url = `http://127.0.0.1:${port}/`;
    const options = findChromium() as { args: string[] };
    browser = await chromium.launch({ ...options, args: [...options.args, ...args] });
  });
  afterAll(async () => {
    await browser?.close();
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    /** Opens a page. */
    async visit(path: string, options: BrowserContextOptions = {}, before?: string): Promise<Visit> {
      const visitor = await browser.newContext({ reducedMotion: "reduce", ...options });
      const page = await visitor.newPage();
      const troubles: Troubles = { said: [] };
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) troubles.said.push(message.text());
      });
      page.on("pageerror", (error) => troubles.said.push(String(error.stack)));
      await page.addInitScript(measure);
      if (before) await page.addInitScript(before);
      await page.goto(url + path);
      return { page, troubles, close: () => visitor.close() };
    },
  };
}

/** Runs in the page before everything else. */
function measure(): void {
  globalThis.measured = { shift: 0, scripts: [] };
  const observe = (type: string, see: (entry: PerformanceEntry) => void) => {
    new PerformanceObserver((list) => list.getEntries().forEach(see)).observe({ type, buffered: true });
  };
  observe("layout-shift", (entry) => {
    const { value, hadRecentInput } = entry as PerformanceEntry & { value: number; hadRecentInput: boolean };
    if (!hadRecentInput) measured.shift += value;
  });
  observe("long-animation-frame", (entry) => {
    const { scripts } = entry as PerformanceEntry & { scripts: PerformanceEntry[] };
    measured.scripts.push(...scripts.map(({ duration }) => duration));
    measured.scripts.sort((a, b) => b - a);
  });
}

/** Waits until an element's text matches. */
export async function says(page: Page, selector: string, pattern: RegExp, timeout = 60_000): Promise<void> {
  await page.locator(selector).filter({ hasText: pattern }).waitFor({ state: "attached", timeout });
}
