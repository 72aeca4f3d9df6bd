// Packs the bench and the command line with Node and Dawn into one archive for a Linux x64 machine that has neither: dist/onestage-bench-linux-x64.tar.gz.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { standalone } from "./lib/build.mjs";
import { ensureInstalled } from "./lib/install.mjs";
import { noticesOf } from "./lib/notices.mjs";
import { cacheDir, root, runMain, SetupError, say } from "./lib/project.mjs";

const NAME = "onestage-bench";
const MOST = 60 * 2 ** 20;

const launcher = (program) => `#!/bin/sh
# Runs ${program} with what lies beside this file; --help says more.
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
# The machine's own Vulkan loader goes first; the one packed here serves where there is only a driver.
if [ -e "$here/lib/libvulkan.so.1" ] && ! { /sbin/ldconfig -p || ldconfig -p; } 2>/dev/null | grep -q 'libvulkan\\.so\\.1'; then
  LD_LIBRARY_PATH="\${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib"
  export LD_LIBRARY_PATH
fi
exec "$here/node" "$here/${program}.mjs" "$@"
`;

const readme = `onestage: kernels and whole training steps on WebGPU, measured against this machine's own limits (run.sh), and the
command line (onestage.sh).

  ./run.sh --help
  ./run.sh --filter conv2d --json result.json --html report.html
  ./onestage.sh compare configs/objects-rgb.json --data my-dataset --out results --workers 1

It needs Linux on x64 with glibc, libstdc++ and a Vulkan driver; no network, no Node, no root. Where the driver is not
found, VK_DRIVER_FILES=<path of the driver's .json> names it.
`;

const loaders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib"].map((folder) =>
  join(folder, "libvulkan.so.1"),
);
const licences = ["/usr/share/doc/nodejs/LICENSE", join(dirname(process.execPath), "../LICENSE")];

/** Copies a file to where its folder may not be yet. */
function put(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

await runMain(async () => {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new SetupError(`this packs its own Node, for linux x64; this is ${process.platform} ${process.arch}`);
  }
  await ensureInstalled();
  const staging = join(cacheDir, "pack");
  const folder = join(staging, NAME);
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const [bench, cli] = [await standalone("bench"), await standalone("cli")];
  writeFileSync(join(folder, "bench.mjs"), bench.text);
  writeFileSync(join(folder, "run.sh"), launcher("bench"), { mode: 0o755 });
  writeFileSync(join(folder, "onestage.mjs"), cli.text);
  writeFileSync(join(folder, "onestage.sh"), launcher("onestage"), { mode: 0o755 });
  for (const name of readdirSync(join(root, "configs")))
    put(join(root, "configs", name), join(folder, "configs", name));
  writeFileSync(join(folder, "README.txt"), readme);
  put(join(root, "LICENSE"), join(folder, "LICENSE"));
  writeFileSync(join(folder, "LICENSES.packages.txt"), noticesOf({ ...bench.inputs, ...cli.inputs }));
  put(process.execPath, join(folder, "node"));
  for (const file of ["package.json", "index.js", "LICENSE.md", "dist/linux-x64/dawn.node"]) {
    put(join(root, "node_modules/webgpu", file), join(folder, "node_modules/webgpu", file));
  }
  const licence = licences.find(existsSync);
  if (licence) put(licence, join(folder, "LICENSE.node"));
  const loader = loaders.find(existsSync);
  if (loader) put(loader, join(folder, "lib/libvulkan.so.1"));
  else say("no Vulkan loader on this machine to pack: the other machine must have one");

  const options = [
    "--create",
    "--sort=name",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--directory",
    staging,
    NAME,
  ];
  const tar = spawnSync("tar", options, { maxBuffer: 2 ** 30, stdio: ["ignore", "pipe", "inherit"] });
  if (tar.error || tar.status !== 0)
    throw new SetupError(`tar failed: ${tar.error?.message ?? "its message is above"}`);
  const packed = gzipSync(tar.stdout);
  rmSync(staging, { recursive: true, force: true });
  if (packed.length > MOST) throw new SetupError(`the archive has ${packed.length} bytes, at most ${MOST} are allowed`);
  const archive = join("dist", `${NAME}-linux-x64.tar.gz`);
  mkdirSync(join(root, "dist"), { recursive: true });
  writeFileSync(join(root, archive), packed);
  process.stdout.write(`${archive}  ${(packed.length / 2 ** 20).toFixed(1)} MiB\n`);
  process.stdout.write(`on the other machine: tar xzf ${NAME}-linux-x64.tar.gz && ${NAME}/run.sh --help\n`);
  return 0;
});
