import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's top folder. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** npm as this machine has it: its own script where npm started us. */
function npm(args: readonly string[], cwd: string): string {
  const self = process.env.npm_execpath;
  const [command, first] = self?.endsWith("npm-cli.js") ? [process.execPath, [self]] : ["npm", []];
  return execFileSync(command, [...first, ...args], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** The package as it would be published: its tarball, and its files beside their dependencies. */
export interface Packed {
  tarball: string;
  /** Where the package lies unpacked, in a node_modules folder. */
  folder: string;
  /** A folder in which `onestage` can be imported. */
  app: string;
  /** Files of the package. */
  files: string[];
  remove(): void;
}

/** Builds and packs the package, and unpacks it into an otherwise empty project that has its dependencies, and those named. */
export function pack(dependencies: readonly string[] = []): Packed {
  const place = mkdtempSync(join(tmpdir(), "onestage-package-"));
  const built = spawnSync(process.execPath, [join(root, "scripts/library.mjs")], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(`the library does not build: ${built.stderr}`);
  const [{ filename }] = JSON.parse(npm(["pack", "--json", "--ignore-scripts", "--pack-destination", place], root));
  const tarball = join(place, filename);
  const app = join(place, "app");
  const modules = join(app, "node_modules");
  mkdirSync(modules, { recursive: true });
  execFileSync("tar", ["-xzf", tarball, "-C", modules]);
  const folder = join(modules, "onestage");
  cpSync(join(modules, "package"), folder, { recursive: true });
  rmSync(join(modules, "package"), { recursive: true });
  const declared = Object.keys(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).dependencies);
  for (const name of [...declared, ...dependencies]) {
    const link = join(modules, name);
    mkdirSync(join(link, ".."), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link, "dir");
  }
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
  return { tarball, folder, app, files, remove: () => rmSync(place, { recursive: true, force: true }) };
}

/** Installs a tarball and other packages into an empty project, from the registry. @returns npm's complaint, or null */
export function install(tarball: string, packages: readonly string[], folder: string): string | null {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "fresh", private: true, type: "module" }));
  try {
    npm(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", tarball, ...packages], folder);
    return null;
  } catch (error) {
    return String((error as { stderr?: string }).stderr ?? error);
  }
}
