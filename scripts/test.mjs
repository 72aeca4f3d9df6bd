// The tests: sets up what is missing, runs vitest with this process's arguments, and ends with the line of counts.
import { join } from "node:path";
import { findChromium } from "./lib/chromium.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { announceAdapter, splitAdapterFlag } from "./lib/launch.mjs";
import { root, runMain, say } from "./lib/project.mjs";
import { runNode } from "./lib/run.mjs";

// Vite's dependencies take styleText from node:util.
const oldestNode = [20, 12];

await runMain(async () => {
  const { adapter, rest } = splitAdapterFlag(process.argv.slice(2));
  await ensureInstalled();
  const environment = announceAdapter(adapter);
  if (!findChromium()) say("no Chromium found (ONESTAGE_CHROMIUM can name one): the browser project is left out");
  process.chdir(root);
  // Until vitest reports, the run counts as failed.
  let counts = { passed: 0, failed: 1, skipped: 0 };
  const vitest = [join(root, "node_modules/vitest/vitest.mjs"), "run", "--reporter=./scripts/lib/counts.mjs"];
  const reporter = rest.some((arg) => arg.startsWith("--reporter")) ? [] : ["--reporter=default"];
  const code = await runNode([...vitest, ...reporter, ...rest], {
    environment,
    onMessage: (message) => {
      counts = message;
    },
  });
  const { passed, failed, skipped } = counts;
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
  return failed > 0 ? 1 : code;
}, oldestNode);
