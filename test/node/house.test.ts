import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** A file of the project: its path relative to the project, with "/", and its text. */
interface File {
  path: string;
  text: string;
}

/** A rule of the house: the violations in one file, each a short sentence. */
type Rule = (file: File) => string[];

const ignored = new Set(["node_modules", "dist", "runs", ".cache", ".git"]);

function projectFiles(folder = ""): File[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (entry.isDirectory()) return ignored.has(entry.name) ? [] : projectFiles(path);
    return /\.(ts|mjs|js|wgsl|json|md|html|css|sh)$|^\.ci\//.test(path) && path !== "package-lock.json"
      ? [{ path, text: readFileSync(join(root, path), "utf8") }]
      : [];
  });
}

const isCode = (path: string) => /\.(ts|mjs|js)$/.test(path);
const lineCount = (text: string) => text.split("\n").length - 1;

/** Bottom to top: a file may import from its own layer and from those before it. */
const layers = [
  "shaders/",
  "src/tensor/",
  "src/kernels/",
  "src/nn/",
  "src/model/",
  "src/data/",
  "src/report/",
  "src/run/",
  "src/infer/",
  "src/cli/",
];
const layerOf = (path: string) => layers.findIndex((layer) => path.startsWith(layer));

/** The modules that a file names in import and export declarations and in import() calls. */
function imports({ path, text }: File): string[] {
  return ts
    .preProcessFile(text, true, path.endsWith(".js") || path.endsWith(".mjs"))
    .importedFiles.map((file) => file.fileName);
}

const importsGoDown: Rule = (file) => {
  const layer = layerOf(file.path);
  if (layer < 0 || !isCode(file.path)) return [];
  return imports(file)
    .filter((name) => name.startsWith("."))
    .map((name) => normalize(join(dirname(file.path), name)).replaceAll("\\", "/"))
    .filter((target) => layerOf(target) < 0 || layerOf(target) > layer)
    .map((target) => `imports ${target}, which is not below it`);
};

const nodeStaysInItsPlaces: Rule = (file) => {
  const allowed = /\.node\.ts$|^(src\/cli|src\/data\/node|scripts|test|bench|examples)\/|^vitest\.config\.ts$/;
  if (!isCode(file.path) || allowed.test(file.path)) return [];
  return imports(file)
    .filter((name) => name.startsWith("node:"))
    .map((name) => `imports ${name}`);
};

const gpuCalls =
  /\.(?:(?:create(?:Buffer|BindGroup|BindGroupLayout|PipelineLayout|ShaderModule|ComputePipeline|ComputePipelineAsync|CommandEncoder|QuerySet)|requestAdapter|requestDevice|beginComputePass|dispatchWorkgroups|mapAsync|getMappedRange)\(|queue\.)/g;

const gpuStaysInTensor: Rule = ({ path, text }) => {
  if (!path.startsWith("src/") || path.startsWith("src/tensor/")) return [];
  return [...text.matchAll(gpuCalls)].map(([call]) => `calls the GPU: ${call}`);
};

const shaderIdioms: [pattern: RegExp, reason: string][] = [
  [
    /\bmax\(\s*[^(),]+,\s*0(?:\.0*f?)?\s*\)|\bmax\(\s*0(?:\.0*f?)?\s*,/,
    "max with 0 turns NaN into 0; write select(v, 0.0, v < 0.0)",
  ],
  [/\b([a-z_]\w*)\s*[!=]=\s*\1\b(?!\s*[.[(])/i, "comparing a value with itself does not find NaN; test its bits"],
  [/\batomic\s*</, "atomics make sums depend on the order of threads"],
  [
    /(?<![\w.])(?:exp2?|log2?|tanh|pow|sinh|cosh|inverseSqrt)\(/,
    "built-ins differ between adapters; use lib/math.wgsl",
  ],
];

const withoutComments = (text: string) => text.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, "");

const shadersAreCareful: Rule = ({ path, text }) => {
  if (!path.endsWith(".wgsl")) return [];
  const code = withoutComments(text);
  return shaderIdioms.filter(([pattern]) => pattern.test(code)).map(([, reason]) => reason);
};

const oneEntryPerShader: Rule = ({ path, text }) => {
  if (!path.endsWith(".wgsl")) return [];
  const expected = path.startsWith("shaders/lib/") ? 0 : 1;
  const entries = withoutComments(text).match(/@compute\b/g)?.length ?? 0;
  return entries === expected ? [] : [`has ${entries} compute entry points, expected ${expected}`];
};

const filesAreSmall: Rule = ({ path, text }) => {
  const most = path.endsWith(".wgsl") ? 200 : path.startsWith("src/") ? 400 : Number.POSITIVE_INFINITY;
  const lines = lineCount(text);
  return lines > most ? [`has ${lines} lines, at most ${most} are allowed`] : [];
};

// A path of somebody's machine; the character class keeps this line itself from matching.
const machinePath = /(?<![\w.~-])[/](?:work|farm|root|tmp|home[/][a-z]\w*|Users[/][A-Za-z]\w*)[/]/;

const noMachinePaths: Rule = ({ text }) => (machinePath.test(text) ? ["names a path of a machine"] : []);

const nothingHappensOnImport: Rule = ({ path, text }) => {
  if (!path.startsWith("src/") || !path.endsWith(".ts") || path === "src/cli/main.ts") return [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022);
  const declares = (node: ts.Statement) =>
    ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node) ||
    ts.isVariableStatement(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isModuleDeclaration(node);
  return source.statements
    .filter((node) => !declares(node))
    .map((node) => `runs on import: ${text.slice(node.pos, node.end).trim()}`);
};

const exportsAreDocumented: Rule = ({ path, text }) => {
  if (!path.startsWith("src/") || !path.endsWith(".ts")) return [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  return source.statements
    .filter(
      (node) =>
        ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword),
    )
    .filter((node) => ts.getJSDocCommentsAndTags(node).length === 0)
    .map((node) => `exports without a comment: ${node.getText(source).split("\n")[0]}`);
};

/** Each rule, with a file that breaks it and a file beside it that does not. */
const rules: Record<string, { rule: Rule; broken: File[]; kept: File[] }> = {
  "imports go from upper layers to lower ones": {
    rule: importsGoDown,
    broken: [
      { path: "src/tensor/a.ts", text: 'import { conv2d } from "../kernels/conv2d.ts";' },
      { path: "src/nn/a.ts", text: 'export * from "../model/b.ts";' },
      { path: "src/data/a.ts", text: 'const load = () => import("../cli/b.ts");' },
      { path: "src/cli/a.ts", text: 'import { x } from "../../test/device.ts";' },
    ],
    kept: [
      { path: "src/kernels/a.ts", text: 'import a from "../../shaders/a.wgsl";\nimport { b } from "../tensor/b.ts";' },
    ],
  },
  "node: is imported only where Node is meant": {
    rule: nodeStaysInItsPlaces,
    broken: [
      { path: "src/data/a.ts", text: 'import { readFileSync } from "node:fs";' },
      { path: "web/a.ts", text: 'const fs = await import("node:fs");' },
    ],
    kept: [
      { path: "src/data/node/a.ts", text: 'import { readFileSync } from "node:fs";' },
      { path: "src/tensor/gpu.node.ts", text: 'import { join } from "node:path";' },
    ],
  },
  "only src/tensor calls the GPU": {
    rule: gpuStaysInTensor,
    broken: [
      { path: "src/nn/a.ts", text: "device.createBuffer({ size });" },
      { path: "src/kernels/a.ts", text: "device.gpu.queue.submit([]);" },
      { path: "src/cli/a.ts", text: "await gpu.requestAdapter();" },
    ],
    kept: [{ path: "src/tensor/pool.ts", text: "device.createBuffer({ size });" }],
  },
  "shaders avoid what hides NaN or differs between adapters": {
    rule: shadersAreCareful,
    broken: [
      { path: "shaders/a.wgsl", text: "let r = max(v, 0.0);" },
      { path: "shaders/a.wgsl", text: "let r = max(x[i + 1u], 0);" },
      { path: "shaders/a.wgsl", text: "let r = max(0.0, v);" },
      { path: "shaders/a.wgsl", text: "if (v != v) { return; }" },
      { path: "shaders/a.wgsl", text: "var<storage, read_write> sum: array<atomic<u32>>;" },
      { path: "shaders/a.wgsl", text: "let r = 1.0 + exp(-v);" },
    ],
    kept: [
      {
        path: "shaders/a.wgsl",
        text: "// max(v, 0.0) would hide NaN\nlet r = select(v, 0.0, v < 0.0) + exp_(v) + max(v, w);",
      },
      { path: "shaders/a.wgsl", text: "if (i == index && value != values[i]) { return; }" },
    ],
  },
  "a shader has one entry point, a shader of lib none": {
    rule: oneEntryPerShader,
    broken: [
      { path: "shaders/a.wgsl", text: "@compute fn a() {} @compute fn b() {}" },
      { path: "shaders/a.wgsl", text: "fn a() {}" },
      { path: "shaders/lib/a.wgsl", text: "@compute fn a() {}" },
    ],
    kept: [{ path: "shaders/a.wgsl", text: "// @compute is said once\n@compute fn a() {}" }],
  },
  "files read in one sitting": {
    rule: filesAreSmall,
    broken: [
      { path: "src/nn/a.ts", text: "\n".repeat(401) },
      { path: "shaders/a.wgsl", text: "\n".repeat(201) },
    ],
    kept: [{ path: "src/nn/a.ts", text: "\n".repeat(400) }],
  },
  "no path of a machine is written down": {
    rule: noMachinePaths,
    broken: [
      { path: "README.md", text: ["see ", "work", "main"].join("/") },
      { path: "src/cli/a.ts", text: `const home = "${["", "home", "ada", "data"].join("/")}";` },
    ],
    kept: [{ path: "README.md", text: `the folder ${["my", "work", "here"].join("/")} and https://example.org` }],
  },
  "nothing happens on import": {
    rule: nothingHappensOnImport,
    broken: [
      { path: "src/nn/a.ts", text: "register(conv2d);" },
      { path: "src/nn/a.ts", text: "for (const op of ops) registry.set(op.name, op);" },
    ],
    kept: [
      {
        path: "src/nn/a.ts",
        text: 'import { defineOp } from "b";\nexport const op = defineOp({});\nexport { x } from "c";',
      },
    ],
  },
  "every export says what it is": {
    rule: exportsAreDocumented,
    broken: [
      { path: "src/nn/a.ts", text: "export function a() {}" },
      { path: "src/nn/a.ts", text: "// A plain remark.\nexport const a = 1;" },
    ],
    kept: [{ path: "src/nn/a.ts", text: "/** What it is. */\nexport const a = 1;\nfunction b() {}" }],
  },
};

const files = projectFiles();

describe.each(Object.entries(rules))("%s", (_, { rule, broken, kept }) => {
  it("in every file", () => {
    const violations = files.flatMap((file) => rule(file).map((violation) => `${file.path} ${violation}`));
    expect(violations).toEqual([]);
  });

  it("and the check finds planted violations, and nothing else", () => {
    for (const file of broken) expect(rule(file), `${file.path}: ${file.text}`).not.toEqual([]);
    for (const file of kept) expect(rule(file), `${file.path}: ${file.text}`).toEqual([]);
  });
});

it("the rules see the project", () => {
  const paths = files.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(["src/tensor/device.ts", "shaders/unary.wgsl", "scripts/onestage.mjs"]));
});
