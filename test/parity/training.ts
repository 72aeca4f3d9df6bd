import { makeBatch } from "../../src/data/batch.ts";
import { sceneDataset } from "../../src/data/scenes/index.ts";
import { buildMethod, type NetworkConfig } from "../../src/model/methods.ts";
import { defaultWeights, segmentationWeights } from "../../src/model/objective.ts";
import type { Task } from "../../src/model/task.ts";
import { defaultTraining, type StepReport, Trainer } from "../../src/model/train.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { sha256 } from "../data/packedFixture.ts";
import { everyOption } from "./data.ts";

/** What a training ends with. */
export interface Trained {
  /** SHA-256 of all weights, running statistics and moments. */
  sha256: string;
  /** Task loss of the first step and of the last. */
  losses: readonly [first: number, last: number];
}

const shapes = {
  classify: { batch: 8, fusion: "deep", weights: defaultWeights },
  segment: { batch: 4, fusion: "full", weights: segmentationWeights },
} as const;
const TRAIN = 64;
// Steps between two readings of what was measured.
const READ = 10;

/** So many one-stage training steps on procedural scenes: one result per adapter. */
export async function train(device: GpuDevice, task: Task, steps: number): Promise<Trained> {
  const data = sceneDataset({ seed: 5, width: 24, height: 24, train: TRAIN, val: 8, test: 8 });
  const rng = new Rng(5);
  const { batch, ...shape } = shapes[task];
  const config: NetworkConfig = {
    ...{ task, model: "tiny", normalise: true, privileged: "frozen", ...shape },
    classes: (task === "segment" ? data.labels : data.classes).length,
  };
  const privileged = buildMethod("privileged-depth", device, rng.fork("privileged"), config);
  const method = buildMethod("one-stage-rgb", device, rng.fork("network"), config, { privileged });
  const trainer = new Trainer(device, method, defaultTraining(steps), rng.fork("trainer"));
  const random = { augmentation: { ...everyOption, crop: 20 }, rng };
  const reports: StepReport[] = [];
  for (let step = 0; step < steps; step++) {
    const indices = Array.from({ length: batch }, (_, i) => (batch * step + i) % TRAIN);
    const epoch = Math.floor((batch * step) / TRAIN);
    trainer.submit(makeBatch(data, "train", indices, { mean: 4, std: 2 }, { ...random, epoch }, task));
    if (step % READ === READ - 1 || step === steps - 1) reports.push(...(await trainer.reports()));
  }
  const state = await trainer.state();
  trainer.dispose();
  for (const module of [...method.trained.values(), privileged.network]) module.dispose();
  return {
    sha256: await sha256(...state.values()),
    losses: [reports[0]!.losses.task!, reports.at(-1)!.losses.task!],
  };
}
