import path from "node:path";
import { expect, it } from "vitest";
import { openTrainingData, openUnlabelled } from "../../src/cli/dataset.ts";
import type { Io } from "../../src/cli/io.ts";
import { HELD_OUT } from "../../src/data/holdOut.ts";
import { datasetFacts } from "../../src/run/dataset.ts";
import { temporaryFolder, writeDataset } from "./harness.ts";

it("images by the names of held-out ones are not learnt from without labels either", async () => {
  const data = writeDataset(path.join(temporaryFolder(), "data"), { splits: { train: 40, val: 2 } });
  const io = { signal: new AbortController().signal } as Io;
  const choice = { data, unlabelled: data, extra: 4, size: null, scenes: null, seed: 1, epochs: 1, holdOut: "1/4" };
  const dataset = await openTrainingData(choice, io);
  const facts = datasetFacts(dataset, { task: "classify", classWeights: "equal", modalities: "rgb,depth" });
  const pool = (await openUnlabelled(choice, dataset, facts, io))!;
  const names = (of: typeof dataset, split: string) =>
    Array.from({ length: of.size(split) }, (_, i) => of.sample(split, i).name).sort();
  expect(names(pool, "train")).toEqual(names(dataset, "train"));
  expect(dataset.size(HELD_OUT)).toBeGreaterThan(0);
});
