import { backward } from "../src/kernels/backward.ts";
import { type EncoderConfig, encoders } from "../src/model/encoder.ts";
import { Judge } from "../src/model/judge.ts";
import { defaultWeights, oneStageObjective, segmentationWeights } from "../src/model/objective.ts";
import { OneStageNetwork } from "../src/model/onestage.ts";
import { SingleNetwork } from "../src/model/single.ts";
import { scoresAt, type Task } from "../src/model/task.ts";
import { Init, inference, TrainingPass } from "../src/nn/module.ts";
import { defaultOptimiser, Optimiser } from "../src/nn/optimiser.ts";
import type { GpuDevice } from "../src/tensor/device.ts";
import { Program } from "../src/tensor/program.ts";
import { Rng } from "../src/tensor/rng.ts";
import { noGrad } from "../src/tensor/tape.ts";
import { scope, type Tensor } from "../src/tensor/tensor.ts";
import { tune } from "../src/tensor/tune.ts";
import type { Case, Prepared } from "./cases.ts";
import { countFlops } from "./flops.ts";
import { TwoStreams } from "./resnet18x2.ts";
import { Tensors } from "./tensors.ts";

/** A one-stage network (colour at test, depth while training) and the batch it sees. */
export interface Scenario {
  encoder: EncoderConfig;
  task: Task;
  classes: number;
  batch: number;
  height: number;
  width: number;
}

/**
 * How a step runs: built anew each time, recorded once, recorded after tuning, or recorded with batch norm, sums and relu
 * apart.
 */
export type Mode = "eager" | "replayed" | "tuned" | "unfused";

const LEARNING_RATE = 1e-4;

/** A whole step of a scenario, ready to run. */
export async function prepareStep(
  device: GpuDevice,
  scenario: Scenario,
  group: "train" | "infer",
  mode: Mode,
): Promise<Prepared> {
  const { encoder, task, classes, batch, height, width } = scenario;
  const tensors = new Tensors(device);
  const init = new Init(device, new Rng(1));
  const fusion = { fusion: "deep", normalise: true, hallucination: true } as const;
  const network = new OneStageNetwork(init, { task, encoder, classes, available: 3, others: [3], ...fusion });
  const rgb = tensors.normal(batch, height, width, 3);
  if (group === "infer") {
    // As where it is deployed: no gradient is computed, and none counted.
    network.freeze();
    const predict = () => scoresAt(rgb, network.forward(rgb, [rgb], inference).scores[0]!);
    return withMode(device, mode, () => noGrad(predict), {
      dispose() {
        network.dispose();
        tensors.dispose();
      },
    });
  }
  const privileged = new SingleNetwork(init.at("privileged"), 1, classes, encoder, task).freeze();
  const depth = tensors.normal(batch, height, width, 1);
  const target = task === "segment" ? tensors.labels(classes, batch, height, width) : tensors.labels(classes, batch);
  const weights = task === "segment" ? segmentationWeights : defaultWeights;
  const judge = new Judge(init, null, weights.smoothing);
  const pass = new TrainingPass(new Rng(2));
  const optimiser = new Optimiser(device, network.parameters(), defaultOptimiser);
  const work = () => {
    const output = network.forward(rgb, [rgb], pass);
    const judged = noGrad(() => privileged.forward(depth, inference));
    const { total } = oneStageObjective(output, [{ output: judged, online: false }], target, weights, judge);
    backward(total);
    optimiser.apply();
    return total;
  };
  return withMode(device, mode, work, {
    before() {
      pass.restart(new Rng(3));
      optimiser.advance(LEARNING_RATE);
    },
    dispose() {
      optimiser.dispose();
      for (const module of [network, privileged]) module.dispose();
      tensors.dispose();
    },
  });
}

/** The peers' training step: two ResNet-18 streams. */
function prepareTwoStreams(device: GpuDevice, mode: Mode): Promise<Prepared> {
  const streams = new TwoStreams(device, mode !== "unfused");
  return withMode(device, mode, () => streams.work(), {
    before: () => streams.before(),
    dispose: () => streams.dispose(),
  });
}

async function withMode(
  device: GpuDevice,
  mode: Mode,
  work: () => Tensor,
  { before, dispose }: { before?(): void; dispose(): void },
): Promise<Prepared> {
  before?.();
  if (mode === "eager") {
    const flops = countFlops(device, () => {
      scope(() => {
        work();
      });
    });
    const run = () => {
      before?.();
      scope(() => {
        work();
      });
    };
    return { flops, run, dispose };
  }
  const flops = { count: 0 };
  if (mode === "tuned") await tune(device, work, { again: true });
  const program = Program.record(device, () => {
    let result: Tensor | null = null;
    flops.count = countFlops(device, () => {
      result = work();
    });
    return result;
  });
  // The choices are in the program now; the other ways to run the step go without.
  device.choices.clear();
  return {
    flops: flops.count,
    memory: program.memory,
    run() {
      before?.();
      program.run();
    },
    dispose() {
      program.dispose();
      dispose();
    },
  };
}

const scenarios: Record<string, Scenario> = {
  "tiny 64x56x56": { encoder: encoders.tiny, task: "classify", classes: 10, batch: 64, height: 56, width: 56 },
  "resnet18-se 16x64x64": {
    encoder: encoders["resnet18-se"],
    task: "classify",
    classes: 10,
    batch: 16,
    height: 64,
    width: 64,
  },
  "segmentation tiny 8x96x128": {
    encoder: encoders.tiny,
    task: "segment",
    classes: 13,
    batch: 8,
    height: 96,
    width: 128,
  },
};

/** Every step case: training and inference, and the step that the peers take too; each in every way that it can run. */
export function stepCases(): Case[] {
  const ways = (
    name: string,
    group: "train" | "infer",
    modes: readonly Mode[],
    prepare: (device: GpuDevice, mode: Mode) => Promise<Prepared>,
  ) =>
    modes.map((mode): Case => {
      const block = `${group} ${name}`;
      return { name: `${name} ${mode}`, group, block, flops: null, bytes: null, prepare: (d) => prepare(d, mode) };
    });
  const own = Object.entries(scenarios).flatMap(([name, scenario]) =>
    (["train", "infer"] as const).flatMap((group) =>
      ways(`one-stage ${name}`, group, ["eager", "replayed", "tuned"], (device, mode) =>
        prepareStep(device, scenario, group, mode),
      ),
    ),
  );
  const all = ["eager", "replayed", "tuned", "unfused"] as const;
  return [...own, ...ways("resnet18x2 16x64x64", "train", all, prepareTwoStreams)];
}
