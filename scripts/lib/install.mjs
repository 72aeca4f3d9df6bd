// Installs the locked dependencies when they are missing or differ from package-lock.json.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheDir, root, SetupError, say } from "./project.mjs";

const lockFile = join(root, "package-lock.json");
const installedFile = join(root, "node_modules/.package-lock.json");
const installing = join(cacheDir, "installing");

/**
 * Makes node_modules match package-lock.json; does nothing when it does, or when there is no lock file (a published
 * package). Of two processes at once one installs and the other waits for it.
 * @throws {SetupError} when npm fails
 */
export async function ensureInstalled() {
  let told = false;
  while (!isInstalled()) {
    if (!takeTurn()) {
      if (!told) say("waiting for another process that installs the dependencies");
      told = true;
      await sleep(300);
      continue;
    }
    try {
      if (!isInstalled()) install();
    } finally {
      rmSync(installing, { force: true });
    }
  }
}

/** Whether every package of the lock file lies in node_modules in the locked version (optional ones may be absent). */
function isInstalled() {
  if (!existsSync(lockFile)) return true;
  if (!existsSync(installedFile)) return false;
  const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
  const installed = packages(installedFile);
  return Object.entries(packages(lockFile)).every(([path, { version, optional, devOptional, peer }]) => {
    if (path === "") return true;
    const present = installed[path];
    return present ? present.version === version : Boolean(optional || devOptional || peer);
  });
}

/** Claims the right to install with a file that holds this process's id; takes over the claim of a dead process. */
function takeTurn() {
  mkdirSync(cacheDir, { recursive: true });
  try {
    writeFileSync(installing, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw new SetupError(`cannot write to ${cacheDir}: ${error.message}`);
  }
  if (!isRunning(installing)) rmSync(installing, { force: true });
  return false;
}

function isRunning(claim) {
  try {
    process.kill(Number(readFileSync(claim, "utf8")), 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function install() {
  say("installing the dependencies of package-lock.json (npm ci); this happens once");
  // npm names its own script when it started us; otherwise it is on the path.
  const self = process.env.npm_execpath;
  const [command, ...first] = self?.endsWith("npm-cli.js") ? [process.execPath, self] : ["npm"];
  const options = ["ci", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = spawnSync(command, [...first, ...options], {
    cwd: root,
    // stdout belongs to the command that follows.
    stdio: ["ignore", 2, 2],
    shell: command === "npm" && process.platform === "win32",
  });
  if (npm.error) throw new SetupError(`cannot run npm: ${npm.error.message}`);
  if (npm.status !== 0) {
    throw new SetupError(
      "npm ci failed (its message is above); the npm registry must be reachable for the first set-up",
    );
  }
  if (!isInstalled()) throw new SetupError("npm ci ended well, but node_modules still differs from package-lock.json");
}
