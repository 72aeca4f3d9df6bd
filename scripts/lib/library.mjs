// Builds the library of the npm package: src as one JavaScript module and one declaration for each file in dist/lib, so that a
// bundler takes what an app needs of it, and the inference build in single files.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { onlyInference } from "./inference.mjs";
import { root, SetupError } from "./project.mjs";
import { compactShader } from "./wgsl.mjs";

const target = join(root, "dist/lib");
// Built beside its place and moved there when it is whole: another process may be reading the old one.
const lib = `${target}.${process.pid}`;

/** Every file below a folder. */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/** Compiles src with its declarations. @throws SetupError when it does not compile */
async function compile() {
  const { default: ts } = await import("typescript");
  const { config } = ts.readConfigFile(join(root, "tsconfig.lib.json"), ts.sys.readFile);
  const { fileNames, options, errors } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(fileNames, { ...options, outDir: lib });
  const { diagnostics } = program.emit();
  const faults = [...errors, ...ts.getPreEmitDiagnostics(program), ...diagnostics];
  if (faults.length === 0) return;
  const host = { getCurrentDirectory: () => root, getCanonicalFileName: (name) => name, getNewLine: () => "\n" };
  throw new SetupError(`the library does not compile:\n${ts.formatDiagnostics(faults, host)}`);
}

/** Shaders become modules beside the others, which import them. */
function addShaders() {
  const shaders = join(root, "shaders");
  for (const file of filesBelow(shaders).filter((name) => name.endsWith(".wgsl"))) {
    const target = join(lib, "shaders", `${relative(shaders, file)}.js`);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, `export default ${JSON.stringify(compactShader(readFileSync(file, "utf8")))};\n`);
  }
}

/** What the compiler leaves as it stands: the extensions in declarations, the places of shaders, the name of the platform. */
function mendImports() {
  for (const file of filesBelow(lib).filter((name) => /\.(js|d\.ts)$/.test(name))) {
    if (file.startsWith(join(lib, "shaders"))) continue;
    const toLib = relative(dirname(file), lib) || ".";
    const text = readFileSync(file, "utf8")
      .replace(/(from |import\()"(\.[^"]*)\.ts"/g, '$1"$2.js"')
      .replace(/from "[./]*\/shaders\/([^"]+\.wgsl)"/g, `from "${toLib}/shaders/$1.js"`)
      .replaceAll('"#gpu"', '"#platform"');
    // Declarations name the types of WebGPU, which a user's TypeScript may not look for by itself.
    const types = file.endsWith(".d.ts") ? '/// <reference types="@webgpu/types" />\n' : "";
    writeFileSync(file, types + text);
  }
}

const shaderText = {
  name: "compact-shaders",
  setup(build) {
    build.onLoad({ filter: /\.wgsl$/ }, ({ path }) => ({
      contents: compactShader(readFileSync(path, "utf8")),
      loader: "text",
    }));
  },
};

/** The inference build, for one platform: all it takes in one file, and nothing else. */
async function buildInference(platform) {
  const [esbuild, { default: ts }] = await Promise.all([import("esbuild"), import("typescript")]);
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: ["src/infer/index.ts"],
    outfile: `dist/infer.${platform}.js`,
    bundle: true,
    format: "esm",
    platform,
    target: "es2022",
    conditions: [platform],
    external: ["webgpu"],
    plugins: [shaderText, onlyInference(ts)],
    minifySyntax: true,
    logLevel: "warning",
  });
}

/** Builds the library. @throws SetupError when it does not compile */
export async function buildLibrary() {
  try {
    await compile();
    addShaders();
    mendImports();
    rmSync(target, { recursive: true, force: true });
    renameSync(lib, target);
  } finally {
    rmSync(lib, { recursive: true, force: true });
  }
  await Promise.all(["node", "browser"].map(buildInference));
}
