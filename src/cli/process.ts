import { openDevice } from "./device.ts";
import type { Io } from "./io.ts";

// Signals that come sooner after the first are the same wish: one to the whole group also comes from the parent, in milliseconds.
const SAME_WISH_MS = 300;

/**
 * Runs a program as this process: its messages carry `name`, the first Ctrl-C asks it to end and the second insists, and
 * the code that it gives becomes the process's.
 */
export async function runProcess(name: string, program: (io: Io) => Promise<number>): Promise<void> {
  const abort = new AbortController();
  let asked = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (abort.signal.aborted && performance.now() - asked > SAME_WISH_MS) process.exit(130);
      if (!abort.signal.aborted) asked = performance.now();
      abort.abort();
    });
  }
  const failed = ({ code, message }: NodeJS.ErrnoException) => {
    // The reader of a pipe may leave early; there is nobody to tell then.
    if (code === "EPIPE") process.exit(0);
    process.stderr.write(`${name}: cannot write to stdout: ${message}\n`);
    process.exit(1);
  };
  process.stdout.on("error", failed);
  // That nobody reads any more what it says is no reason to stop working.
  process.stderr.on("error", () => {});
  const code = await program({
    out: (text) => process.stdout.write(text),
    say: (line) => process.stderr.write(`${name}: ${line}\n`),
    stderr: process.stderr,
    signal: abort.signal,
    openDevice: () => openDevice(process.env),
    argv: process.argv.slice(2),
    env: process.env,
  });
  // Whatever Dawn still holds would keep the process alive.
  process.stdout.write("", (error) => (error ? failed(error) : process.exit(code)));
}
