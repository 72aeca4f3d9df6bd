import { methods } from "../../src/model/methods.ts";
import type { Stage } from "../../src/model/plan.ts";
import { meanLosses } from "../../src/model/session.ts";
import { stepsPerEpoch } from "../../src/run/batches.ts";
import type { Curve, EpochPoint, RunChoice, RunSnapshot, RunState, RunStatus, RunUpdate } from "../train/types.ts";
import type { RunRecord } from "./checkpoint.ts";

// Shortest time between two messages, in milliseconds.
const PAUSE_MS = 100;

/** Tells the page how far a run is: often enough to look alive, and not so often that the page has to hurry. */
export class News {
  #status: RunStatus = idle(1);
  #points: RunUpdate["points"] = [];
  #epochs: RunUpdate["epochs"] = [];
  #curves: Curve[] | null = null;
  #told = 0;
  // Work is measured in steps of a single stream; the time of one is learnt on the way.
  #units = 0;
  #seconds = 0;

  constructor(private readonly emit: (update: RunUpdate) => void) {}

  /** A run that has not begun. */
  begin(choice: RunChoice, stages: readonly Stage[], curves: Curve[]): RunSnapshot {
    const perEpoch = Math.floor(choice.scenes / choice.batch);
    const steps = stages.reduce((sum, { epochs }) => sum + epochs * perEpoch, 0);
    this.#restart({ ...idle(steps), state: "drawing", epochs: stages[0]!.epochs });
    return { choice, status: this.#status, curves };
  }

  /** A run as it is recorded, with what its visitor should know; the page is sent all of its curves. */
  show(record: RunRecord, note: string | null = null): RunSnapshot {
    const { choice, curves, ended, stages, saved } = record;
    const steps = stages.reduce((sum, { epochs }) => sum + epochs, 0) * stepsPerEpoch(record);
    this.#restart({ ...idle(steps), state: ended ?? "paused", note, saved });
    this.#place(record);
    this.#curves = structuredClone(curves);
    return { choice, status: this.#status, curves };
  }

  /** So many of the scenes are drawn. */
  drawn(done: number, count: number): void {
    this.#change({ note: `Drawing scenes: ${done} of ${count}` });
    this.#maybe();
  }

  /** A curve has another point. */
  point(network: number, step: number, losses: Record<string, number>): void {
    this.#points.push({ network, step, losses });
  }

  /** Some steps took so many seconds. */
  step(record: RunRecord, seconds: number, steps: number): void {
    this.#units += steps * workOf(record.stages[record.stage]!);
    this.#seconds += seconds;
    this.#place(record);
    this.#maybe();
  }

  /** An epoch is done. */
  epoch(network: number, point: EpochPoint): void {
    this.#epochs.push({ network, point });
    this.tell();
  }

  /** The run is saved. */
  saved({ saved }: RunRecord): void {
    this.#change({ saved });
  }

  /** The visitor should know this. */
  note(note: string): void {
    this.#change({ note });
    this.tell();
  }

  /** The run does something else from now on. */
  stand(state: RunState): void {
    const drawn = this.#status.note?.startsWith("Drawing");
    this.#change({ state, left: state === "training" ? this.#status.left : null, ...(drawn && { note: null }) });
    this.tell();
  }

  /** Sends what is new. */
  tell(): void {
    this.#told = performance.now();
    this.emit({ status: this.#status, points: this.#points, epochs: this.#epochs, curves: this.#curves });
    this.#points = [];
    this.#epochs = [];
    this.#curves = null;
  }

  #maybe(): void {
    if (performance.now() - this.#told > PAUSE_MS) this.tell();
  }

  #restart(status: RunStatus): void {
    this.#status = status;
    this.#points = [];
    this.#epochs = [];
    this.#curves = null;
    this.#units = 0;
    this.#seconds = 0;
  }

  /** Where a record stands. */
  #place(record: RunRecord): void {
    const { stages, stage, stageStep, sums } = record;
    const perEpoch = stepsPerEpoch(record);
    const { epochs } = stages[stage]!;
    const before = stages.slice(0, stage).reduce((sum, earlier) => sum + earlier.epochs * perEpoch, 0);
    const units = stages.slice(stage).reduce((sum, next) => sum + next.epochs * perEpoch * workOf(next), 0);
    const unitsLeft = units - stageStep * workOf(stages[stage]!);
    const { total } = sums.steps > sums.skipped ? meanLosses(sums) : {};
    this.#change({
      step: before + stageStep,
      network: stage,
      epoch: Math.min(epochs, Math.floor(stageStep / perEpoch) + 1),
      epochs,
      imagesPerSecond: sums.seconds > 0 ? sums.samples / sums.seconds : this.#status.imagesPerSecond,
      left: this.#units > 0 ? (this.#seconds / this.#units) * unitsLeft : null,
      loss: total ?? this.#status.loss,
    });
  }

  #change(changes: Partial<RunStatus>): void {
    this.#status = { ...this.#status, ...changes };
  }
}

function workOf({ name }: Stage): number {
  return methods[name].work;
}

function idle(steps: number): RunStatus {
  return {
    ...{ state: "paused", step: 0, steps, network: 0, epoch: 1, epochs: 1 },
    ...{ imagesPerSecond: 0, left: null, loss: null, saved: null, note: null },
  };
}
