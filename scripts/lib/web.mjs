// Bundles the pages of web/ into a folder that any web server can serve as it is.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./project.mjs";

/** The scripts of the pages: one for each page, and the worker that owns the GPU. */
const scripts = ["demo/main.ts", "train/main.ts", "bench/main.ts", "worker/main.ts"];

// uPlot asks for a number format in the browser's language as it loads, and some browsers name one that no format knows
// ("en-US@posix"); the charts write their numbers themselves, so any known language will do.
const knownLanguage =
  'try{new Intl.NumberFormat(navigator.language)}catch{Object.defineProperty(navigator,"language",{value:"en"})}';

/** The colours of the reports, so that pages and reports look alike without saying them twice. */
const reportColours = {
  name: "report-colours",
  setup(build) {
    const filter = /^report-colours$/;
    build.onResolve({ filter }, () => ({ path: "report-colours", namespace: "report-colours" }));
    build.onLoad({ filter, namespace: "report-colours" }, async () => {
      const style = "src/report/page/style.ts";
      const { outputFiles } = await build.esbuild.build({
        ...{ absWorkingDir: root, entryPoints: [style], bundle: true, format: "esm", write: false },
      });
      const code = Buffer.from(outputFiles[0].contents).toString("base64");
      const { tokens } = await import(`data:text/javascript;base64,${code}`);
      const dark = `@media (prefers-color-scheme:dark){:root{${tokens(1)}}}`;
      return { contents: `:root{${tokens(0)}}\n${dark}`, loader: "css", watchFiles: [join(root, style)] };
    });
  },
};

/** Options for esbuild that bundle the pages into `outdir`, relative to the project. */
export function webOptions(outdir) {
  const files = readdirSync(join(root, "web"), { recursive: true, encoding: "utf8" }).map((file) =>
    file.replaceAll("\\", "/"),
  );
  const entries = files.filter((file) => scripts.includes(file) || /^[^/]+\.(html|css)$|\.safetensors$/.test(file));
  return {
    absWorkingDir: root,
    entryPoints: entries.map((file) => `web/${file}`),
    outbase: "web",
    outdir,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    sourcemap: true,
    loader: { ".wgsl": "text", ".html": "copy", ".safetensors": "copy" },
    banner: { js: knownLanguage },
    plugins: [reportColours],
    logLevel: "warning",
  };
}
