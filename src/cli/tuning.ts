import type { TunedStore } from "../data/node/tuned.ts";
import { Predictor } from "../model/predictor.ts";
import { tunePrediction, tuneTraining } from "../model/tune.ts";
import { duration } from "../report/format.ts";
import { emptyBatch, type RunShape, trainingSize } from "../run/batches.ts";
import { openRehearsal } from "../run/stage.ts";
import type { GpuDevice } from "../tensor/device.ts";
import type { TunedJob } from "../tensor/tune.ts";
import { checkInterrupted, type Io } from "./io.ts";
import { storeJobs } from "./kernels.ts";

// Time without a word, in milliseconds.
const SILENT_MS = 5000;

/** What is tuned, and how. */
export interface StageTuning {
  /** Also the prediction of each stage's network. */
  infer?: boolean;
  /** Where the choices are kept, if anywhere. */
  store: TunedStore | null;
  io: Io;
}

/**
 * Tunes the training step of every stage on a device, as far as there are no choices for its jobs, and keeps them.
 * @returns what was found
 * @throws InterruptedError if the user wants the command to end; what was found until then is kept.
 */
export async function tuneStages(
  device: GpuDevice,
  shape: RunShape,
  { infer = false, store, io }: StageTuning,
): Promise<TunedJob[]> {
  const all: TunedJob[] = [];
  for (const [i, stage] of shape.stages.entries()) {
    checkInterrupted(io.signal);
    const { method, trainer, dispose } = await openRehearsal(device, shape, stage);
    const predictor = new Predictor(device, method);
    const title = `${stage.name} (${i + 1}/${shape.stages.length})`;
    const found: TunedJob[] = [];
    const progress = (name: string) => new TuneProgress(io, name, (job) => found.push(job));
    try {
      await progress(title).watch((options) => tuneTraining(trainer, emptyBatch(shape, trainingSize(shape)), options));
      if (infer) {
        const batch = emptyBatch(shape, shape.dataset);
        await progress(`${title} prediction`).watch((options) => tunePrediction(predictor, batch, options));
      }
    } finally {
      predictor.dispose();
      dispose();
      if (store) await storeJobs(store, device, found);
    }
    all.push(...found);
  }
  return all;
}

type Told = (done: number, total: number, job: TunedJob) => void;

/** Shows how far a tuning is: one line, redrawn in place, on a terminal; one now and then elsewhere. */
class TuneProgress {
  readonly #began = performance.now();
  #said = this.#began;

  constructor(
    private readonly io: Io,
    private readonly title: string,
    private readonly found: (job: TunedJob) => void,
  ) {}

  async watch(body: (options: { progress: Told }) => Promise<unknown>): Promise<void> {
    try {
      await body({ progress: (done, total, job) => this.#tell(done, total, job) });
    } finally {
      if (this.io.stderr.isTTY) this.io.stderr.write("\r\x1b[K");
    }
  }

  #tell(done: number, total: number, job: TunedJob): void {
    this.found(job);
    const now = performance.now();
    const left = ((now - this.#began) / 1000 / done) * (total - done);
    const text = `tuning ${this.title}: job ${done} of ${total}, ${duration(left)} left`;
    if (this.io.stderr.isTTY) {
      this.io.stderr.write(`\r\x1b[Konestage: ${text}`);
    } else if (now - this.#said > SILENT_MS) {
      this.#said = now;
      this.io.say(text);
    }
    checkInterrupted(this.io.signal);
  }
}
