import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { parseResult } from "../../bench/result.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "onestage-pack-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.skipIf(process.platform !== "linux" || process.arch !== "x64")(
  "the packed bench runs where there is neither Node nor node_modules, and is small enough to carry",
  () => {
    const packed = spawnSync(process.execPath, [path.join(root, "scripts/pack.mjs")], { encoding: "utf8" });
    expect(packed.status, packed.stderr).toBe(0);
    const archive = path.join(root, packed.stdout.split(" ")[0]!);
    expect(statSync(archive).size).toBeLessThan(60 * 2 ** 20);
    expect(spawnSync("tar", ["xzf", archive, "-C", folder]).status).toBe(0);
    // Nothing of this environment but where the adapter's driver lies.
    const kept = ["LD_LIBRARY_PATH", "VK_DRIVER_FILES", "VK_ICD_FILENAMES"].filter((name) => process.env[name]);
    const env = Object.fromEntries(kept.map((name) => [name, process.env[name]]));
    const run = (...args: string[]) =>
      spawnSync(path.join(folder, "onestage-bench/run.sh"), args, { cwd: folder, env, encoding: "utf8" });
    const licences = readFileSync(path.join(folder, "onestage-bench/LICENSES.packages.txt"), "utf8");
    for (const name of ["commander", "fflate", "h5wasm", "@cornerstonejs/codec-libjpeg-turbo-8bit"])
      expect(`\n${licences}`).toContain(`\n${name} `);
    const json = path.join(folder, "a.json");
    const { status, stderr, stdout } = run(
      ...["--filter", "kernel matmul 64x512x10", "--rounds", "3", "--budget", "0.05"],
      ...["--json", json],
    );
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^matmul 64x512x10 +[\d.]+ /m);
    const { rows, facts } = parseResult(readFileSync(json, "utf8"), json);
    expect(rows.length).toBe(2);
    expect(facts.versions.webgpu).toMatch(/^\d+\./);
    const info = spawnSync(path.join(folder, "onestage-bench/onestage.sh"), ["info", "--json"], {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    expect(info.status, info.stderr).toBe(0);
    expect(JSON.parse(info.stdout)).toHaveProperty("adapter");
    // The peers belong to the project's own folder.
    const peers = run("--peers");
    expect(peers.status).toBe(2);
    expect(peers.stderr).toContain("bench/peers");
    expect(existsSync(path.join(folder, "onestage-bench/node_modules/commander"))).toBe(false);
  },
  120_000,
);
