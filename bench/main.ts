import { openDevice } from "../src/cli/device.ts";
import type { Io } from "../src/cli/io.ts";
import { runBench } from "./program.ts";

/** The bench of this process. @returns the exit code */
function main(): Promise<number> {
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // The first asks, the second insists.
      if (abort.signal.aborted) process.exit(130);
      abort.abort();
    });
  }
  process.stdout.on("error", () => process.exit(0));
  const io: Io = {
    out: (text) => process.stdout.write(text),
    say: (line) => process.stderr.write(`bench: ${line}\n`),
    stderr: process.stderr,
    signal: abort.signal,
    openDevice: () => openDevice(process.env),
    argv: process.argv.slice(2),
    env: process.env,
  };
  return runBench(io);
}

const code = await main();
// Whatever Dawn still holds would keep the process alive.
process.stdout.write("", () => process.exit(code));
