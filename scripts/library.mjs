// Builds what the npm package is made of: the library and the command line.
import { build } from "./lib/build.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { buildLibrary } from "./lib/library.mjs";
import { runMain } from "./lib/project.mjs";

await runMain(async () => {
  await ensureInstalled();
  await buildLibrary();
  await build("cli");
  return 0;
});
