import { openDevice } from "./device.ts";
import type { Io } from "./io.ts";
import { runProgram } from "./program.ts";

/** The command line of this process. @returns the exit code */
function main(): Promise<number> {
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // The first asks, the second insists.
      if (abort.signal.aborted) process.exit(130);
      abort.abort();
    });
  }
  // The reader of a pipe may leave early; there is nobody to tell then.
  process.stdout.on("error", () => process.exit(0));
  const io: Io = {
    out: (text) => process.stdout.write(text),
    say: (line) => process.stderr.write(`onestage: ${line}\n`),
    stderr: process.stderr,
    signal: abort.signal,
    openDevice: () => openDevice(process.env),
    argv: process.argv.slice(2),
    env: process.env,
  };
  return runProgram(io);
}

const code = await main();
// Whatever Dawn still holds would keep the process alive.
process.stdout.write("", () => process.exit(code));
