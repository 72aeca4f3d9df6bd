import { openDevice } from "./device.ts";
import type { Io } from "./io.ts";

/**
 * Runs a program as this process: its messages carry `name`, the first Ctrl-C asks it to end and the second insists, and
 * the code that it gives becomes the process's.
 */
export async function runProcess(name: string, program: (io: Io) => Promise<number>): Promise<void> {
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (abort.signal.aborted) process.exit(130);
      abort.abort();
    });
  }
  // The reader of a pipe may leave early; there is nobody to tell then.
  process.stdout.on("error", () => process.exit(0));
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
  process.stdout.write("", () => process.exit(code));
}
