import { openSource } from "../data/node/prepare/kinds.ts";
import { type PackPlan, planPack } from "../data/node/prepare/pack.ts";
import type { Size } from "../data/node/prepare/resize.ts";
import type { Source, SourceOptions } from "../data/node/prepare/source.ts";

/** The flags of `prepare`. */
export interface PrepareOptions extends SourceOptions {
  size?: Size;
  jobs?: number;
  /** MiB of a shard. */
  shard?: number;
  force?: boolean;
  json?: boolean;
  /** This process makes shards for another one. */
  worker?: boolean;
}

// Large enough that reading is one long stretch, small enough that many processes have work.
const SHARD_MIB = 16;

/** Opens the source that a command line names, and gives it back when `body` is done. */
export async function withSource<T>(
  [kind, source]: readonly [string, string],
  { classes, depth, depthUnit }: PrepareOptions,
  body: (source: Source) => Promise<T>,
): Promise<T> {
  const opened = await openSource(kind, source, { classes, depth, depthUnit });
  try {
    return await body(opened);
  } finally {
    opened.close();
  }
}

/** The plan of a source: the same in every process that is given the same options, size and fingerprint. */
export function planOf(source: Source, size: Size, fingerprint: string, options: PrepareOptions): PackPlan {
  const { size: asked, shard = SHARD_MIB, depth } = options;
  return planPack(source, { size, resize: asked !== undefined, shardBytes: shard * 2 ** 20, fingerprint, depth });
}
