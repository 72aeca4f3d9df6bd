// Bundles every program into dist/.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build, programs } from "./lib/build.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { root, runMain } from "./lib/project.mjs";

await runMain(async () => {
  await ensureInstalled();
  for (const [name, { entry }] of Object.entries(programs)) {
    if (existsSync(join(root, entry))) await build(name);
  }
  return 0;
});
