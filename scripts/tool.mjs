// Runs a development tool of node_modules: node scripts/tool.mjs lint|typecheck|docs [its own arguments].
import { join } from "node:path";
import { ensureInstalled } from "./lib/install.mjs";
import { root, runMain, SetupError } from "./lib/project.mjs";
import { runNode } from "./lib/run.mjs";

const tools = {
  lint: ["@biomejs/biome/bin/biome", "check", "--error-on-warnings"],
  typecheck: ["typescript/bin/tsc", "--noEmit"],
  docs: ["typedoc/bin/typedoc"],
};

await runMain(async () => {
  const [name, ...args] = process.argv.slice(2);
  if (!Object.hasOwn(tools, name))
    throw new SetupError(`unknown tool "${name}"; expected ${Object.keys(tools).join(" or ")}`);
  await ensureInstalled();
  const [script, ...options] = tools[name];
  process.chdir(root);
  return runNode([join(root, "node_modules", script), ...options, ...args]);
});
