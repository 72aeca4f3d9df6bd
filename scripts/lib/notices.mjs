// What those who wrote the bundled packages ask for: their copyright notices and licences go along.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { root } from "./project.mjs";

/**
 * The licences of all packages that a bundle holds parts of.
 * @param {Record<string, unknown>} inputs of esbuild's metafile
 * @returns {string}
 */
export function noticesOf(inputs) {
  const names = Object.keys(inputs).flatMap((file) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []);
  return [...new Set(names)].sort().map(noticeOf).join("\n");
}

function noticeOf(name) {
  const folder = join(root, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? readFileSync(join(folder, file), "utf8").trim() : `Licence: ${license}`;
  return `${name} ${version}\n\n${text}\n${"-".repeat(80)}\n`;
}

/** An esbuild plugin that writes these notices beside what it bundles, with the licence of the project. */
export const notices = {
  name: "notices",
  setup(build) {
    build.initialOptions.metafile = true;
    build.onEnd(({ metafile }) => {
      if (!metafile) return;
      const folder = resolve(root, build.initialOptions.outdir);
      mkdirSync(folder, { recursive: true });
      const own = readFileSync(join(root, "LICENSE"), "utf8");
      writeFileSync(
        join(folder, "LICENSES.txt"),
        `onestage\n\n${own}${"-".repeat(80)}\n\n${noticesOf(metafile.inputs)}`,
      );
    });
  },
};
