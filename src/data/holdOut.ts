import { UsageError } from "../tensor/errors.ts";
import type { Dataset } from "./sample.ts";

/** Name of the split that is set aside from training. */
export const HELD_OUT = "held-out";

// Neighbours in a list often show the same scene, so what is set aside is a number of runs of neighbours, spread over the list.
const RUNS = 16;

/**
 * A dataset whose train split has lost its part-th of `parts` equal shares (counted from 1) to a split of its own, and which
 * has no other: to choose settings without a look at val or test.
 * @throws UsageError if there are not enough training samples for that.
 */
export function holdOut(dataset: Dataset, part: number, parts: number): Dataset {
  const size = dataset.size("train");
  const runs = RUNS * parts;
  if (size < runs) throw new UsageError(`${dataset.name}: expected at least ${runs} training samples, got ${size}`);
  const held = (index: number) => Math.floor((index * runs) / size) % parts === part - 1;
  const all = Array.from({ length: size }, (_, index) => index);
  const splits = new Map([
    ["train", all.filter((index) => !held(index))],
    [HELD_OUT, all.filter(held)],
  ]);
  const indices = (split: string) => {
    const found = splits.get(split);
    if (found) return found;
    throw new UsageError(`${dataset.name}: expected one of the splits train, ${HELD_OUT}, got ${split}`);
  };
  const { name, width, height, classes, labels, depthUnit } = dataset;
  return {
    ...{ name, width, height, classes, labels, depthUnit },
    splits: [...splits.keys()],
    size: (split) => indices(split).length,
    sample(split, index) {
      const at = indices(split)[index];
      if (at !== undefined) return dataset.sample("train", at);
      throw new UsageError(`${name}: expected a sample 0..${indices(split).length - 1} of ${split}, got ${index}`);
    },
  };
}
