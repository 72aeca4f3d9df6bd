import { playwright } from "@vitest/browser-playwright";
import { defineConfig, type Plugin } from "vitest/config";
import { chooseAdapter } from "./scripts/lib/adapter.mjs";
import { findChromium } from "./scripts/lib/chromium.mjs";

/** Shaders are imported as text, as esbuild does it for the command line. */
function wgslText(): Plugin {
  return {
    name: "wgsl-text",
    enforce: "pre",
    transform: (code, id) =>
      id.endsWith(".wgsl") ? { code: `export default ${JSON.stringify(code)};`, map: null } : undefined,
  };
}

// The dynamic loader reads its search path when a process starts, so the choice is made before any worker is forked;
// `npm test` has made it already.
if (!process.env.ONESTAGE_ADAPTER_CHOSEN) Object.assign(process.env, chooseAdapter().environment);
const chromium = findChromium();

const shared = {
  // Compiling pipelines is what costs: one worker keeps one device and its pipelines over all its files.
  isolate: false,
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

const node = {
  plugins: [wgslText()],
  test: {
    ...shared,
    name: "node",
    pool: "forks" as const,
    include: ["test/**/*.test.ts"],
    exclude: ["test/**/*.browser.test.ts"],
  },
};

const browser = chromium && {
  plugins: [wgslText()],
  test: {
    ...shared,
    include: ["test/{kernels,tensor,nn,model,infer}/**/*.test.ts", "test/**/*.browser.test.ts"],
    exclude: ["test/**/*.node.test.ts"],
    browser: {
      enabled: true,
      // Not the name "localhost": a bare machine may have no file that says what it means.
      api: { host: "127.0.0.1" },
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: chromium }),
      instances: [{ browser: "chromium" as const, name: "chromium" }],
    },
  },
};

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: browser ? [node, browser] : [node],
  },
});
