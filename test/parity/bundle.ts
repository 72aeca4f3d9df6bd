import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const kernels = join(here, "../kernels");
const models = join(here, "../../web/models");

/** A place for a bundle that runs in Node: inside the project, so that it finds the packages. */
export function scratchScript(): { path: string; remove(): void } {
  const folder = mkdtempSync(join(here, "../../node_modules/.parity-"));
  return { path: join(folder, "bundle.mjs"), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A program that defines `run`, which does everything that is compared; the networks of the pages are part of it. */
export function parityProgram(steps: number): string {
  const files = readdirSync(models).filter((file) => file.endsWith(".safetensors"));
  const networks = files.map((file, i) => `import network${i} from ${JSON.stringify(join(models, file))};`);
  const named = files.map((file, i) => `${JSON.stringify(file)}: network${i}`);
  return [
    ...networks,
    'import { runParity } from "./run.ts";',
    `const run = () => runParity(${steps}, { ${named.join(", ")} });`,
  ].join("\n");
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
    target: "es2022",
    platform,
    conditions: [platform],
    external: ["webgpu"],
    // The package says it has no side effects; the suites are nothing but.
    ignoreAnnotations: true,
    loader: { ".wgsl": "text", ".safetensors": "binary" },
    outfile,
    write: outfile !== undefined,
  });
  return outfile ?? result.outputFiles![0]!.text;
}
