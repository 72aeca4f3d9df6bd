// Where the project lies, where its caches go, and how the launchers speak to the user.

import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute path of the project's top folder. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Folder for what set-up unpacks; ignored by git, safe to delete. */
export const cacheDir = join(root, ".cache");

/** A set-up failure whose message tells the user what to do; shown without a stack trace. */
export class SetupError extends Error {}

/** Writes one line for the user on stderr; stdout belongs to the command alone. */
export function say(line) {
  process.stderr.write(`onestage: ${line}\n`);
}

/**
 * Runs a launcher's main function, turns a SetupError into one readable line, and sets the exit code.
 * @param {() => Promise<number>} main returns the exit code
 * @param {[major: number, minor: number]} [oldest] the oldest Node that will do
 */
export async function runMain(main, oldest = [20, 0]) {
  try {
    const [major, minor] = process.versions.node.split(".").map(Number);
    if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
      throw new SetupError(`this needs Node ${oldest.join(".")} or newer, and this is Node ${process.versions.node}`);
    }
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    // As the programs themselves: 2 for what the user can change.
    process.exitCode = 2;
  }
}
