import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, expect, it } from "vitest";
import { scratchScript } from "../parity/bundle.ts";

const script = scratchScript();
afterAll(script.remove);

it("the example of the README fits its line", async () => {
  await build({
    entryPoints: [fileURLToPath(new URL("../../examples/fit.ts", import.meta.url))],
    outfile: script.path,
    bundle: true,
    platform: "node",
    format: "esm",
    loader: { ".wgsl": "text" },
    external: ["webgpu"],
  });
  const { stdout, stderr, status } = spawnSync(process.execPath, [script.path], { encoding: "utf8", timeout: 60_000 });
  expect(status, stderr).toBe(0);
  const [, slope, offset] = /y = (\S+) x \+ (\S+)/.exec(stdout)!;
  expect(Number(slope)).toBeCloseTo(3, 1);
  expect(Number(offset)).toBeCloseTo(-1, 1);
});
