import type { GpuDevice } from "../tensor/device.ts";
import { OnestageError } from "../tensor/errors.ts";

/** Where a command reads from and writes to; the tests put their own in its place. */
export interface Io {
  /** The result: stdout. */
  out(text: string): void;
  /** Everything else: one line for stderr, without its end. */
  say(line: string): void;
  /** Raw text for stderr. */
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
  /** Aborted when the user wants the command to end. */
  signal: AbortSignal;
  openDevice(): Promise<GpuDevice>;
  /** The arguments of this command line. */
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
}

/** The user asked the command to end; what was done is saved. */
export class InterruptedError extends OnestageError {
  override name = "InterruptedError";
}

/** The items one by one. @throws InterruptedError between two of them if the user wants the command to end. */
export function* interruptibly<T>(items: Iterable<T>, signal: AbortSignal): Generator<T> {
  for (const item of items) {
    checkInterrupted(signal);
    yield item;
  }
}

/** @throws InterruptedError if the user wants the command to end. */
export function checkInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new InterruptedError("interrupted");
}
