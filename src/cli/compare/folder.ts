import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomic } from "../../data/node/atomic.ts";
import { readJson } from "../../data/node/files.ts";
import type { Metrics, PerImage } from "../../model/metrics.ts";
import { FormatError } from "../../tensor/errors.ts";
import type { Cell, KeyedStage } from "./matrix.ts";

// Far more than the counts of any split's images take.
const MOST_BYTES = 2 ** 28;

/** What one stage of a cell took. */
export interface StageRecord {
  name: string;
  key: string;
  epochs: number;
  /** Wall time of its training steps. */
  seconds: number;
  /** Means of the loss and its terms over the last epoch; empty for stages that train nothing. */
  losses: Record<string, number>;
}

/** cells/<name>.json: what one cell found. */
export interface CellResult {
  format: "onestage-cell-1";
  version: string;
  row: string;
  direction: string;
  seed: number;
  method: string;
  /** Of the evaluated network: it tells whether the result is of what is asked for now. */
  key: string;
  dataset: string;
  split: string;
  adapter: string;
  /** Weights of the network with all its heads. */
  parameters: number;
  /** Operations for one image at test time, by the fused head and by the mean of both. */
  flops: number;
  averagedFlops: number;
  /** Bytes on the device for one image at test time. */
  peakBytes: number;
  stages: StageRecord[];
  metrics: Metrics;
  perImage: PerImage;
  averaged: Metrics | null;
  averagedPerImage: PerImage | null;
}

async function readResult(file: string): Promise<CellResult> {
  const result = (await readJson(file, MOST_BYTES)) as CellResult;
  if (result?.format !== "onestage-cell-1") throw new FormatError(file, "the result of a cell", "something else");
  // NaN has no JSON, and null would count as 0.
  for (const one of [result.metrics, result.averaged]) if (one) one.nll ??= Number.NaN;
  return result;
}

/** The folder of a comparison: results of cells, which are small, and the networks of stages, which are not. */
export class CompareFolder {
  constructor(
    readonly root: string,
    readonly work: string,
  ) {}

  /** Where a cell's result lies. */
  cellFile({ name }: Pick<Cell, "name">): string {
    return path.join(this.root, "cells", `${name}.json`);
  }

  /** Where a stage is trained. */
  stageFolder({ key }: Pick<KeyedStage, "key">): string {
    return path.join(this.work, key);
  }

  /** Where a stage's network lies once it is trained. */
  networkFile(stage: Pick<KeyedStage, "key">): string {
    return path.join(this.stageFolder(stage), "network.safetensors");
  }

  /** Whether a stage has been trained. */
  isTrained(stage: Pick<KeyedStage, "key">): boolean {
    return existsSync(this.networkFile(stage));
  }

  /** A cell's result; null if it has none, or one of other settings. @throws FormatError if the file is damaged. */
  async readCell(cell: Cell): Promise<CellResult | null> {
    const file = this.cellFile(cell);
    if (!existsSync(file)) return null;
    const result = await readResult(file);
    return result.key === cell.stage.key ? result : null;
  }

  /** The results of all cells. @throws FormatError if there are none, or one is damaged. */
  async readCells(): Promise<CellResult[]> {
    const cells = path.join(this.root, "cells");
    const names = await readdir(cells).catch(() => {
      throw new FormatError(this.root, "the folder of a comparison, with cells in it", "none");
    });
    return Promise.all(
      names.filter((name) => name.endsWith(".json")).map((name) => readResult(path.join(cells, name))),
    );
  }

  /** Keeps a cell's result. */
  async writeCell(cell: Cell, result: CellResult): Promise<void> {
    // NaN has no JSON: classes that do not occur are null.
    await writeFileAtomic(this.cellFile(cell), new TextEncoder().encode(`${JSON.stringify(result)}\n`));
  }
}
