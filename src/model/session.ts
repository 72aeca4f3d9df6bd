import type { HostBatch, StepReport, Trainer } from "./train.ts";

/**
 * Runs a trainer from where it stands to `steps` steps, and gives the reports of so many of them at a time: of `burst`, or
 * of fewer where a multiple of `every` or the end comes first. While the GPU works the next batch is prepared; when reports
 * come out, no step is running, so the trainer may be saved.
 */
export async function* trainSteps(
  trainer: Trainer,
  steps: number,
  batchOf: (step: number) => HostBatch,
  { burst = 1, every = steps }: { burst?: number; every?: number } = {},
): AsyncGenerator<StepReport[], void, void> {
  if (trainer.steps >= steps) return;
  let batch = batchOf(trainer.steps);
  while (trainer.steps < steps) {
    const until = Math.min(trainer.steps + burst, steps, (Math.floor(trainer.steps / every) + 1) * every);
    while (trainer.steps < until) {
      trainer.submit(batch);
      if (trainer.steps < steps) batch = batchOf(trainer.steps);
    }
    yield await trainer.reports();
  }
}

/** Sums over the steps of an epoch so far: plain data, for a checkpoint. */
export interface EpochSums {
  /** Of the total loss and its parts, over the steps that were not skipped. */
  losses: Record<string, number>;
  steps: number;
  skipped: number;
  correct: number;
  samples: number;
  /** Wall time in seconds. */
  seconds: number;
}

/** The sums of an epoch that has not begun. */
export function emptySums(): EpochSums {
  return { losses: {}, steps: 0, skipped: 0, correct: 0, samples: 0, seconds: 0 };
}

/** Adds one step that took `seconds`. */
export function addStep(sums: EpochSums, report: StepReport, seconds: number): void {
  sums.steps++;
  sums.seconds += seconds;
  sums.correct += report.correct;
  sums.samples += report.size;
  if (report.skipped) {
    sums.skipped++;
    return;
  }
  for (const [name, value] of Object.entries(report.losses)) sums.losses[name] = (sums.losses[name] ?? 0) + value;
}

/** Mean of every loss term over the steps that counted; empty if all were skipped. */
export function meanLosses({ losses, steps, skipped }: EpochSums): Record<string, number> {
  return Object.fromEntries(Object.entries(losses).map(([name, sum]) => [name, sum / (steps - skipped)]));
}
