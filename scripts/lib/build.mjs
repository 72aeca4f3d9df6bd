// Bundles the programs with esbuild when their sources are newer than the bundles.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { root, SetupError } from "./project.mjs";

/** The programs: what each is bundled from and into, relative to the project. */
export const programs = {
  cli: { entry: "src/cli/main.ts", bundle: "dist/cli.mjs" },
  bench: { entry: "bench/main.ts", bundle: "dist/bench.mjs" },
};

const sources = ["src", "shaders", "bench", "scripts/lib/build.mjs", "package-lock.json", "tsconfig.json"];

/**
 * Bundles a program unless its bundle is newer than every source.
 * @param {keyof typeof programs} name
 * @returns {Promise<string>} absolute path of the bundle
 * @throws {SetupError} when the sources do not compile (esbuild prints why) or there is no such program here
 */
export async function ensureBuilt(name) {
  const { entry, bundle } = programs[name];
  const target = join(root, bundle);
  if (!existsSync(join(root, "package-lock.json"))) {
    // A published package carries the bundle, and no tools to build it again.
    if (existsSync(target)) return target;
    throw new SetupError(`there is no ${entry} to build`);
  }
  const newest = Math.max(...sources.map((path) => newestChange(join(root, path))));
  if (!existsSync(target) || statSync(target).mtimeMs < newest) await build(name);
  return target;
}

/** Bundles a file of a package as text where it is imported with `?raw`, though packages themselves stay outside. */
const rawText = {
  name: "raw-text",
  setup(build) {
    build.onResolve({ filter: /\?raw$/ }, ({ path, resolveDir }) => {
      const file = path.slice(0, -"?raw".length);
      const inProject = /^\.\.?\//.test(file);
      return { path: inProject ? join(resolveDir, file) : join(root, "node_modules", file), namespace: "raw-text" };
    });
    build.onLoad({ filter: /.*/, namespace: "raw-text" }, ({ path }) => ({
      contents: readFileSync(path, "utf8"),
      loader: "text",
    }));
  },
};

/** Writes a file so that another process, which may be about to run it, sees the old or the new one, never a part. */
function writeWhole(path, contents) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
}

/** Compiles an entry point into one file, and gives what esbuild says of it. @throws {SetupError} when the sources do not compile */
async function compile(entry, outfile, options) {
  const esbuild = await import("esbuild");
  try {
    return await esbuild.build({
      absWorkingDir: root,
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "esm",
      loader: { ".wgsl": "text" },
      plugins: [rawText],
      logLevel: "warning",
      write: false,
      ...options,
    });
  } catch {
    throw new SetupError(`${entry} does not compile (the messages are above)`);
  }
}

/** Bundles a program. @throws {SetupError} when its sources do not compile */
export async function build(name) {
  const { entry, bundle } = programs[name];
  const started = new Date();
  const { outputFiles: outputs } = await compile(entry, bundle, { packages: "external", sourcemap: true });
  try {
    for (const { path, contents } of outputs) writeWhole(path, contents);
  } catch (error) {
    throw new SetupError(`cannot write ${bundle}: ${error.message}`);
  }
  // A source saved while esbuild ran must count as newer than the bundle.
  utimesSync(join(root, bundle), started, started);
}

/**
 * A program as one text that needs no package but `webgpu`, which is a binary, and the licences of those that are in it.
 * @throws {SetupError} when its sources do not compile
 */
export async function standalone(name) {
  // Packages in the old module format look for `require`.
  const banner =
    'import { createRequire as makeRequire } from "node:module";\nconst require = makeRequire(import.meta.url);';
  const options = { external: ["webgpu"], banner: { js: banner }, metafile: true };
  const { outputFiles, metafile } = await compile(programs[name].entry, programs[name].bundle, options);
  return { text: outputFiles[0].text, inputs: metafile.inputs };
}

/** Time of the latest change in a file or folder (a folder's own time tells of removed files), in ms; 0 if absent. */
function newestChange(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  const children = readdirSync(path)
    .filter((name) => name !== "node_modules")
    .map((name) => newestChange(join(path, name)));
  return Math.max(stat.mtimeMs, ...children);
}
