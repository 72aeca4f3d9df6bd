import { UsageError } from "../tensor/errors.ts";
import type { Dataset, Sample } from "./sample.ts";

/** What describes a dataset whose samples all lie in memory. */
export type MemoryDatasetOptions = Pick<Dataset, "name" | "width" | "height" | "classes" | "labels">;

/** A dataset whose samples all lie in memory. */
export class MemoryDataset implements Dataset {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly splits: readonly string[];
  readonly classes: readonly string[];
  readonly labels: readonly string[];

  constructor(
    { name, width, height, classes, labels }: MemoryDatasetOptions,
    private readonly samples: ReadonlyMap<string, readonly Sample[]>,
  ) {
    this.name = name;
    this.width = width;
    this.height = height;
    this.classes = classes;
    this.labels = labels;
    this.splits = [...samples.keys()];
  }

  size(split: string): number {
    return this.split(split).length;
  }

  sample(split: string, index: number): Sample {
    const sample = this.split(split)[index];
    if (sample) return sample;
    throw new UsageError(`${this.name}: expected a sample 0..${this.size(split) - 1} of ${split}, got ${index}`);
  }

  private split(split: string): readonly Sample[] {
    const samples = this.samples.get(split);
    if (samples) return samples;
    throw new UsageError(`${this.name}: expected one of the splits ${this.splits.join(", ")}, got ${split}`);
  }
}
