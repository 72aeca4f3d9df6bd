import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BuildOptions, context } from "esbuild";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright";
import { afterAll, afterEach, beforeAll } from "vitest";
import { findChromium } from "../../scripts/lib/chromium.mjs";
import { webOptions } from "../../scripts/lib/web.mjs";

/** What else a machine does only ever makes a task of a page longer: the page is slow if it is so three times. */
export const disturbed = { retry: 2 };

/** What went by in a page that its visitor should not notice. */
export interface Troubles {
  /** Errors and warnings of the console, and what was thrown. */
  said: string[];
}

/** A page of the site, in a browser that has not been there before; one at a time, closed at the end of its test. */
export interface Visit {
  page: Page;
  troubles: Troubles;
  /**
   * The longest task of the page's main thread since it was opened, in milliseconds of processor time: the clock on the
   * wall would count what other programs, and the adapter that computes on the processor, take from it.
   */
  longestTask(): Promise<number>;
  close(): Promise<void>;
}

/** An event of a trace by Chromium, as far as it is looked at: times in microseconds. */
interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  tdur?: number;
  args: { name?: string };
}

/** What Chromium says of a shift of the layout. */
interface LayoutShift extends PerformanceEntry {
  value: number;
  hadRecentInput: boolean;
  sources: { node: Node | null }[];
}

declare global {
  /** What has moved in the page by itself: how far, and the beginning of its HTML. */
  var shifted: string[];
}

/** The pages, built as `npm run web` does, served, and a Chromium to look at them with; for the tests of one file. */
export function openSite(args: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), "onestage-web-"));
  let url = "";
  let browser: Browser;
  const open = new Set<Visit>();
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
  afterEach(async () => {
    for (const visit of open) await visit.close();
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
      await browser.startTracing(page, { categories: ["toplevel", "__metadata"] });
      let tracing = true;
      const trace = async () => {
        tracing = false;
        return JSON.parse((await browser.stopTracing()).toString()).traceEvents as TraceEvent[];
      };
      const visit: Visit = {
        ...{ page, troubles, longestTask: async () => longestTask(await trace()) },
        async close() {
          if (tracing) await trace();
          await visitor.close();
          open.delete(visit);
        },
      };
      open.add(visit);
      await page.goto(url + path);
      return visit;
    },
  };
}

/** Runs in the page before everything else. */
function measure(): void {
  globalThis.shifted = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { value, hadRecentInput, sources } = entry as LayoutShift;
      const moved = sources.map(({ node }) =>
        ((node as Element | null)?.outerHTML ?? node?.textContent ?? "").slice(0, 80),
      );
      if (!hadRecentInput) globalThis.shifted.push(`${value}: ${moved.join(", ")}`);
    }
  }).observe({ type: "layout-shift", buffered: true });
}

function longestTask(events: readonly TraceEvent[]): number {
  const thread = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`;
  const main = events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(thread);
  const tasks = events.filter((event) => /RunTask$/.test(event.name) && main.includes(thread(event)));
  if (tasks.length === 0) throw new Error("expected tasks of the page in the trace, got none");
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000;
}

/** Waits until an element's text matches. */
export async function says(page: Page, selector: string, pattern: RegExp, timeout = 60_000): Promise<void> {
  await page.locator(selector).filter({ hasText: pattern }).waitFor({ state: "attached", timeout });
}
