import { build } from "esbuild";

/** Bundles a TypeScript program beside the tests into `outfile`, so that plain Node can run it as a child process. */
export async function bundleChild(source: URL, outfile: string): Promise<void> {
  await build({
    entryPoints: [source.pathname],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
  });
}
