// Runs the real program as a child of the launcher.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { SetupError, say } from "./project.mjs";

const childModule = new URL("./child.mjs", import.meta.url).href;
const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"];
const repeatMs = 300;

/**
 * Runs Node on the given arguments with the standard streams inherited, and waits for it to end. SIGINT, SIGTERM and
 * SIGHUP reach the child exactly once each time; the launcher outlives the child, and the child ends
 * when the launcher is killed.
 * @param {string[]} args arguments of node
 * @param {{ environment?: Record<string, string>, onMessage?: (message: unknown) => void }} [options] variables to
 *   add, and what to do with messages that the child sends
 * @returns {Promise<number>} the child's exit code; 128 + the signal's number when a signal ended it
 */
export function runNode(args, { environment = {}, onMessage } = {}) {
  const child = spawn(process.execPath, [`--import=${childModule}`, ...args], {
    env: { ...process.env, ...environment, ONESTAGE_LAUNCHER: String(process.pid) },
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    // A group of its own: otherwise Ctrl-C would reach it both from the terminal and from us.
    detached: process.platform !== "win32",
  });
  if (onMessage) child.on("message", onMessage);
  const last = {};
  for (const signal of forwarded) {
    process.on(signal, () => {
      // On Windows the console itself reaches the child. npm repeats the terminal's signal: the echo is dropped.
      const now = performance.now();
      if (process.platform !== "win32" && now - (last[signal] ?? -repeatMs) >= repeatMs) child.kill(signal);
      last[signal] = now;
    });
  }
  if (process.platform !== "win32") passOnPause(child);
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new SetupError(`cannot start node: ${error.message}`)));
    child.on("exit", (code, signal) => {
      if (signal && !forwarded.includes(signal)) say(`the process was ended by ${signal}`);
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

/** Ctrl-Z stops the child too, though it is not in the terminal's foreground group, and `fg` wakes both. */
function passOnPause(child) {
  process.on("SIGTSTP", () => {
    child.kill("SIGSTOP");
    process.kill(process.pid, "SIGSTOP");
  });
  process.on("SIGCONT", () => child.kill("SIGCONT"));
}
