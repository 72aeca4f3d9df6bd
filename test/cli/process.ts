import { spawn } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { ensureBuilt } from "../../scripts/lib/build.mjs";

/** Native warnings, with the places in Dawn's sources that they come from. */
const DAWN = /^(?:Warning: (?:max|vkCreateInstance).*|\s+at \w+ \(.*dawn.*\)|)\n/gm;

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * A real program, built before the tests of a file: a copy of the bundle, so that a later build does not change what
 * these tests compare.
 */
export function bundledProgram(name: "cli" | "bench" = "cli"): string {
  const copy = path.join(root, "dist", `test-${name}-${process.pid}.mjs`);
  beforeAll(async () => copyFileSync(await ensureBuilt(name), copy));
  afterAll(() => rmSync(copy, { force: true }));
  return copy;
}

/** A program that runs as a process of its own. */
export interface Running {
  /** What it has said so far; what Dawn prints by itself is left out. */
  said: { out: string; err: string };
  kill(signal: NodeJS.Signals): void;
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
  /** Waits until stderr matches, or the process ends. */
  says(pattern: RegExp): Promise<void>;
}

/** Starts the program. */
export function startProgram(bundle: string, args: string[], environment: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [bundle, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    // What the user of this machine has tuned is nothing to a test.
    env: { ...process.env, ONESTAGE_CACHE: path.join(root, "dist", "no-cache"), ...environment },
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (text) => {
    said.out += text;
  });
  child.stderr.on("data", (text) => {
    said.err = `${said.err}${text}`.replace(DAWN, "");
  });
  let over = false;
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on("close", (code, signal) => {
      over = true;
      resolve(code ?? signal!);
    });
  });
  const says = async (pattern: RegExp) => {
    while (!over && !pattern.test(said.err)) await sleep(10);
  };
  return { said, kill: (signal) => child.kill(signal), ended, says };
}
