// Unpacks SwiftShader and Chromium from the npm package that carries them into the project's cache.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { cacheDir, root, SetupError } from "./project.mjs";

const NAME = "@sparticuz/chromium";

// Among the project's own dependencies; beside this package where it is installed in somebody else's project. Looked for
// each time: the first start in a fresh clone installs it after this module is read.
const packageDir = () => [join(root, "node_modules", NAME), join(root, "..", NAME)].find(existsSync);

/** Why nothing can be unpacked; undefined where it can. */
export const unpackable = () => (packageDir() ? undefined : `SwiftShader is not installed (npm install ${NAME})`);

/** Folder in the cache for something unpacked from the package; it changes with the package's version. */
export function unpackedFolder(name) {
  const { version } = JSON.parse(readFileSync(join(packageDir(), "package.json"), "utf8"));
  return join(cacheDir, `${name}-${version}`);
}

/** Path of one of the package's archives. */
export function archive(name) {
  return join(packageDir(), "bin", name);
}

/**
 * Fills a folder once: `fill` writes into a temporary sibling, which is then renamed into place, so a half-filled
 * folder is never seen, and of two processes at once the first to finish wins.
 * @returns {boolean} whether this call filled it
 * @throws {SetupError} when the folder cannot be written
 */
export function fillOnce(folder, fill) {
  if (existsSync(folder)) return false;
  let temporary;
  try {
    mkdirSync(dirname(folder), { recursive: true });
    temporary = mkdtempSync(`${folder}.partial-`);
    fill(temporary);
    // mkdtemp makes the folder private, but another user of the same checkout must be able to read it.
    chmodSync(temporary, 0o755);
    renameSync(temporary, folder);
    return true;
  } catch (error) {
    if (temporary) rmSync(temporary, { recursive: true, force: true });
    if (existsSync(folder)) return false;
    throw error instanceof SetupError ? error : new SetupError(`cannot unpack into ${folder}: ${error.message}`);
  }
}

/** Extracts members of a .tar.br archive (all of them when none is named) into an existing folder. */
export function extractTar(file, folder, members = []) {
  const options = ["--extract", "--no-same-owner", "--no-same-permissions", "--directory", folder, ...members];
  const tar = spawnSync("tar", options, { input: brotliDecompressSync(readFileSync(file)), encoding: "utf8" });
  if (tar.error) throw new SetupError(`cannot run tar to unpack ${file}: ${tar.error.message}`);
  if (tar.status !== 0) throw new SetupError(`tar cannot unpack ${file}: ${tar.stderr.trim()}`);
}

/** Writes the decompressed content of a .br file as an executable. */
export function extractExecutable(file, target) {
  writeFileSync(target, brotliDecompressSync(readFileSync(file)), { mode: 0o755 });
}
