import { totalmem } from "node:os";

/** Bytes of memory that there are: the machine's, or fewer where this process runs in a container that has less. */
export function machineMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}
