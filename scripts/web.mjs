// The pages: bundles web/ into dist/web and serves it until it is stopped; what is edited is bundled again.
import { ensureInstalled } from "./lib/install.mjs";
import { runMain, SetupError, say } from "./lib/project.mjs";
import { webOptions } from "./lib/web.mjs";

const folder = "dist/web";

/** The port that is asked for by `--port N`; the first free one from 8000 on without it. */
function portOf(args) {
  if (args.length === 0) return undefined;
  const port = Number(args[1]);
  if (args[0] === "--port" && args.length === 2 && Number.isInteger(port) && port >= 0 && port < 65536) return port;
  throw new SetupError(`npm run web: expected nothing, --build (and serve nothing) or --port N, got ${args.join(" ")}`);
}

await runMain(async () => {
  const args = process.argv.slice(2);
  const buildOnly = args.length === 1 && args[0] === "--build";
  const port = buildOnly ? undefined : portOf(args);
  await ensureInstalled();
  const esbuild = await import("esbuild");
  const options = webOptions(folder);
  if (buildOnly) {
    await esbuild.build(options).catch(() => {
      throw new SetupError("the pages do not compile (the messages are above)");
    });
    say(`the pages are in ${folder}`);
    return 0;
  }
  const context = await esbuild.context(options);
  await context.watch();
  const server = await context.serve({ servedir: folder, host: "127.0.0.1", port }).catch((error) => {
    throw new SetupError(`cannot serve ${folder}: ${error.message}`);
  });
  say(`the pages are at http://127.0.0.1:${server.port}/ (Ctrl-C ends this)`);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => context.dispose().then(() => process.exit(0)));
  return new Promise(() => {});
});
