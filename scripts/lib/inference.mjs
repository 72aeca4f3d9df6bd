// What the inference build leaves out of the sources: all that training, tuning and profiling need, the kernels for adapters
// that compute on the CPU, and checks of what a file of weights has been checked for already.
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./project.mjs";

// Modules that are replaced by those of the same name in this folder.
const without = join(root, "src/infer/without");

// Properties that are left out, by the file or the folder that they are in.
const properties = {
  "src/kernels": ["subgroups", "subgroupMatrix", "winograd", "pointwise", "cost", "flops"],
  "src/kernels/matmul.ts": ["tiled", "tiledLarge", "blocked", "blockedLarge"],
  "src/tensor/kernel.ts": ["cost", "origin"],
};

// Methods that are left out, and fields that are computed.
const methods = {
  "src/nn/module.ts": ["modules", "stateDict", "freeze"],
  "src/tensor/compile.ts": ["handOver"],
  "src/tensor/kernel.ts": ["#cost", "#origin"],
  "src/tensor/op.ts": ["backward"],
  "src/tensor/program.ts": ["timeline", "memory"],
  "src/tensor/tensor.ts": ["read", "item", "moveTo"],
};

// Calls by themselves that only check what an op is given.
const checks = ["expect", "expectShape"];

const listed = (lists, path) => [...(lists[path] ?? []), ...(lists[path.slice(0, path.lastIndexOf("/"))] ?? [])];

/** What stands in the place of a part of a module, null where it stays as it is. */
function cutOf(ts, node, source, path) {
  const from = node.getStart(source);
  const name = node.name?.getText(source);
  const method = ts.isMethodDeclaration(node) || ts.isGetAccessor(node);
  if (method && listed(methods, path).includes(name)) return { from, to: node.end, text: "" };
  if (!path.startsWith("src/kernels") && !properties[path]) return null;
  if (ts.isObjectLiteralElementLike(node)) {
    // A gradient becomes none.
    if (name === "vjp") return { from, to: node.end, text: "vjp: null" };
    if (!listed(properties, path).includes(name)) return null;
    const comma = /^\s*,/.exec(source.text.slice(node.end))?.[0].length ?? 0;
    return { from, to: node.end + comma, text: "" };
  }
  const called = ts.isExpressionStatement(node) && ts.isCallExpression(node.expression) && node.expression.expression;
  return called && checks.includes(called.getText(source)) ? { from, to: node.end, text: ";" } : null;
}

/** What a module's constants are made by does nothing else, so that what nobody refers to may go. */
function* pureConstants(ts, source) {
  for (const statement of source.statements.filter(ts.isVariableStatement)) {
    for (const { initializer: value } of statement.declarationList.declarations) {
      if (!value || !(ts.isCallExpression(value) || ts.isObjectLiteralExpression(value))) continue;
      // In a function of its own, for a bundler keeps a call whose arguments might do something.
      yield { from: value.getStart(source), to: value.getStart(source), text: "/* @__PURE__ */ (() => (" };
      yield { from: value.end, to: value.end, text: "))()" };
    }
  }
}

/** The plugin for esbuild; `ts` is the TypeScript compiler. */
export function onlyInference(ts) {
  return {
    name: "only-inference",
    setup(build) {
      build.onLoad({ filter: /src\/(kernels|nn|tensor)\/\w+\.ts$/ }, ({ path: file }) => {
        const stub = join(without, basename(file));
        if (existsSync(stub)) return { contents: readFileSync(stub, "utf8"), loader: "ts" };
        const path = file.slice(file.lastIndexOf("src/"));
        const text = readFileSync(file, "utf8");
        const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
        const edits = path.startsWith("src/tensor") ? [] : [...pureConstants(ts, source)];
        const visit = (node) => {
          const cut = cutOf(ts, node, source, path);
          if (cut) edits.push(cut);
          else ts.forEachChild(node, visit);
        };
        visit(source);
        edits.sort((a, b) => b.from - a.from || b.to - a.to);
        const contents = edits.reduce(
          (left, { from, to, text: by }) => left.slice(0, from) + by + left.slice(to),
          text,
        );
        return { contents, loader: "ts" };
      });
    },
  };
}
