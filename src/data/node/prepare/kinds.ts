import { realpath } from "node:fs/promises";
import { FormatError, UsageError } from "../../../tensor/errors.ts";
import { casiaSurf } from "./casiaSurf.ts";
import { esanet } from "./esanet.ts";
import { folders } from "./folders.ts";
import { lists } from "./lists.ts";
import { nyuv2 } from "./nyuv2.ts";
import type { Source, SourceKind, SourceOptions } from "./source.ts";

/** Every kind of source that can be prepared, by its name on the command line. */
export const sourceKinds: Readonly<Record<string, SourceKind>> = {
  nyuv2,
  esanet,
  "casia-surf": casiaSurf,
  folders,
  lists,
};

/**
 * Opens a source of a kind.
 * @throws UsageError when there is no such kind, or it does not know one of the options.
 * @throws FormatError naming what is missing or not as it should be.
 */
export async function openSource(kind: string, source: string, options: SourceOptions): Promise<Source> {
  if (!Object.hasOwn(sourceKinds, kind)) {
    throw new UsageError(`<kind>: expected one of ${Object.keys(sourceKinds).join(", ")}, got ${kind}`);
  }
  const known = sourceKinds[kind];
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined || known.options.includes(option as keyof SourceOptions)) continue;
    const flag = option.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`--${flag}: expected nothing of the kind with ${kind}, got ${value}`);
  }
  const root = await realpath(source).catch(() => {
    throw new FormatError(source, "a dataset to prepare", "nothing there");
  });
  return known.open(root, options);
}
