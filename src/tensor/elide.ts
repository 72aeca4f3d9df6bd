import { type Copy, type Dispatch, storagesOf } from "./command.ts";
import type { Storage } from "./pool.ts";
import { PlannedStorage } from "./recorder.ts";

/**
 * Leaves out copies of a result to its final place (a gradient to its slot of the flat buffer) where it may be written
 * there at once, and places the result there: nothing else may touch that place from the result's first command to the
 * copy, nothing may read the result before or after, and WebGPU lets no dispatch write one part of a buffer and read
 * another.
 */
export function elideCopies(commands: readonly (Dispatch | Copy)[]): (Dispatch | Copy)[] {
  const uses = new Map<Storage, number[]>();
  const usesOfBuffer = new Map<GPUBuffer, number[]>();
  const append = <K>(map: Map<K, number[]>, key: K, at: number) => {
    const list = map.get(key);
    if (list) list.push(at);
    else map.set(key, [at]);
  };
  for (const [at, command] of commands.entries()) {
    for (const storage of storagesOf(command)) {
      append(uses, storage, at);
      if (!(storage instanceof PlannedStorage)) append(usesOfBuffer, storage.buffer, at);
    }
  }
  // Where results have been placed: others may be written into the same buffer in the same dispatch, but not read.
  const filled = new Set<Storage>();
  return commands.filter((command, at) => {
    if ("pipeline" in command) return true;
    const { from, to, toOffset } = command;
    if (!(from instanceof PlannedStorage) || to instanceof PlannedStorage || filled.has(to)) return true;
    if (from.placed || from.live || toOffset !== 0 || from.bytes !== to.bytes) return true;
    const touching = uses.get(from)!;
    const makers = touching.slice(0, -1);
    if (touching.at(-1) !== at || makers.length === 0) return true;
    const last = makers.at(-1)!;
    const onlyWritten = makers.every((use) => writesOnly(commands[use]!, from));
    const disturbed = usesOfBuffer.get(to.buffer)!.some((use) => use >= makers[0]! && use <= last);
    const read = usesOfBuffer.get(to.buffer)!.some((use) => use > last && use < at && touches(commands[use]!, to));
    if (!onlyWritten || disturbed || read) return true;
    from.place(to);
    filled.add(to);
    return false;
  });
}

/** Whether a command is a dispatch that binds this storage for writing only. */
function writesOnly(command: Dispatch | Copy, storage: Storage): boolean {
  if (!("pipeline" in command)) return false;
  return command.buffers.every((bound, i) => bound !== storage || command.layout.name[i] === "w");
}

/** Whether a command touches a range of bytes that overlaps this storage. */
function touches(command: Dispatch | Copy, { buffer, offset, bytes }: Storage): boolean {
  return storagesOf(command).some(
    (other) =>
      !(other instanceof PlannedStorage) &&
      other.buffer === buffer &&
      other.offset < offset + bytes &&
      offset < other.offset + other.bytes,
  );
}
