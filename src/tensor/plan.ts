/** A storage's size in bytes and the indices of the first and the last command that touch it. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Which block each lifetime lives in, by its index, and the blocks' sizes in bytes. */
export interface MemoryPlan {
  readonly blockOf: readonly number[];
  readonly blocks: readonly number[];
}

/**
 * Lets storages that are never needed at once share blocks: the largest first, each into the smallest block that is free
 * during its life. Blocks are whole buffers, because WebGPU lets no dispatch read one part of a buffer and write another.
 * Source: Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference", greedy by size.
 */
export function planMemory(lifetimes: readonly Lifetime[]): MemoryPlan {
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b);
  const blocks: { bytes: number; users: Lifetime[] }[] = [];
  const blockOf = new Array<number>(lifetimes.length);
  for (const i of order) {
    const life = lifetimes[i]!;
    // Blocks come in falling size, so the last free one is the smallest.
    const found = blocks.findLastIndex(({ users }) => users.every((user) => !overlap(user, life)));
    const at = found >= 0 ? found : blocks.push({ bytes: life.bytes, users: [] }) - 1;
    blocks[at]!.users.push(life);
    blockOf[i] = at;
  }
  return { blockOf, blocks: blocks.map(({ bytes }) => bytes) };
}

/** Bytes alive at each command: what no plan can go below is their maximum. */
export function liveBytes(lifetimes: readonly Lifetime[], commands: number): Float64Array {
  const change = new Float64Array(commands + 1);
  for (const { bytes, first, last } of lifetimes) {
    if (last < first) continue;
    change[first]! += bytes;
    change[Math.min(last, commands - 1) + 1]! -= bytes;
  }
  let live = 0;
  return change.subarray(0, commands).map((bytes) => {
    live += bytes;
    return live;
  });
}

function overlap(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}
