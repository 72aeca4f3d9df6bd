// Bundles the pages of web/ into a folder that any web server can serve as it is.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { notices } from "./notices.mjs";
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

/** Puts what a page says of itself (its title and script, then its main part) into the frame that all pages share. */
const pageFrame = {
  name: "page-frame",
  setup(build) {
    const frame = join(root, "web/frame/frame.html");
    const notices = join(root, "web/frame/notices.html");
    build.onLoad({ filter: /\.html$/ }, ({ path }) => {
      const [head, main] = readFileSync(path, "utf8").split(/^(?=<main)/m);
      if (main === undefined)
        return { errors: [{ text: "expected a line that starts with <main", location: { file: path } }] };
      const parts = { head, main: main.replace("<!-- notices -->", () => readFileSync(notices, "utf8")) };
      const page = readFileSync(frame, "utf8")
        .replace(/ *<!-- (head|main) -->\n/g, (_, part) => parts[part])
        .replace(`<a href="${basename(path)}"`, (link) => `${link} aria-current="page"`);
      return { contents: page, loader: "copy", watchFiles: [path, frame, notices] };
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
    plugins: [pageFrame, reportColours, notices],
    logLevel: "warning",
  };
}
