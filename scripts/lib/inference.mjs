// What the inference build leaves out of the sources: gradients, and what only training does or only some platforms have.
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { root } from "./project.mjs";

// Modules that are replaced by those of the same name in this folder.
const without = join(root, "src/infer/without");

// Ways to run an op that are not to be had on a platform: browsers keep matrix units behind a switch.
const missing = { browser: ["subgroupMatrix"], node: [] };

/** Where a property of an object literal is cut: that of a variant whole, and a gradient becomes none. */
function cutOf(ts, node, source, variants) {
  if (!ts.isObjectLiteralElementLike(node)) return null;
  const name = node.name?.getText(source);
  if (name === "vjp") return { from: node.getStart(source), to: node.end, text: "vjp: null" };
  if (!variants.includes(name)) return null;
  const comma = /^\s*,/.exec(source.text.slice(node.end))?.[0].length ?? 0;
  return { from: node.getStart(source), to: node.end + comma, text: "" };
}

/** What a module's constants are made by: calls that do nothing else, so that what nobody refers to may go. */
function* pureCalls(ts, source) {
  for (const statement of source.statements.filter(ts.isVariableStatement)) {
    for (const { initializer: call } of statement.declarationList.declarations) {
      if (!call || !ts.isCallExpression(call)) continue;
      // In a function of its own, for a bundler keeps a call whose arguments might do something.
      yield { from: call.getStart(source), to: call.getStart(source), text: "/* @__PURE__ */ (() => " };
      yield { from: call.end, to: call.end, text: ")()" };
    }
  }
}

/** The plugin for esbuild, for one platform; `ts` is the TypeScript compiler. */
export function onlyInference(ts, platform) {
  return {
    name: "only-inference",
    setup(build) {
      build.onLoad({ filter: /src\/(kernels|nn)\/\w+\.ts$/ }, ({ path }) => {
        const stub = join(without, basename(path));
        if (existsSync(stub)) return { contents: readFileSync(stub, "utf8"), loader: "ts" };
        const text = readFileSync(path, "utf8");
        const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
        const edits = [...pureCalls(ts, source)];
        const visit = (node) => {
          const cut = cutOf(ts, node, source, missing[platform]);
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
