import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const kernels = join(here, "../kernels");

/** A place for a bundle that runs in Node: inside the project, so that it finds the packages. */
export function scratchScript(): { path: string; remove(): void } {
  const folder = mkdtempSync(join(here, "../../node_modules/.parity-"));
  return { path: join(folder, "bundle.mjs"), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Bundles all op suites, stripped of their tests, and then `last`, into one program; returns its text or its file. */
export async function bundle(platform: "node" | "browser", last: string, outfile?: string): Promise<string> {
  const suites = readdirSync(kernels).filter((file) => file.endsWith(".test.ts"));
  const imports = suites.map((file) => `import ${JSON.stringify(join(kernels, file))};`);
  const result = await build({
    stdin: { contents: [...imports, last].join("\n"), resolveDir: here, loader: "ts" },
    alias: { vitest: join(here, "vitest-stub.ts") },
    bundle: true,
    format: "esm",
    platform,
    conditions: [platform],
    external: ["webgpu"],
    // The package says it has no side effects; the suites are nothing but.
    ignoreAnnotations: true,
    loader: { ".wgsl": "text" },
    outfile,
    write: outfile !== undefined,
  });
  return outfile ?? result.outputFiles![0]!.text;
}
