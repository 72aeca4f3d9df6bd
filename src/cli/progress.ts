import cliProgress, { type SingleBar } from "cli-progress";
import { methods } from "../model/methods.ts";
import type { Stage } from "../model/plan.ts";
import { type EpochSums, meanLosses } from "../model/session.ts";
import { duration, number, percent } from "../report/format.ts";
import type { Io } from "./io.ts";
import type { EpochRecord } from "./records.ts";

/** Shows how far a run is: one line a stage, redrawn in place, on a terminal; one line an epoch elsewhere. */
export class Progress {
  #bar: SingleBar | null = null;
  #stage = 0;
  // Work is measured in units of one stream's step; the time of a unit is learnt on the way.
  #unitsLeft: number;
  #unitsDone = 0;
  #secondsDone = 0;

  constructor(
    private readonly io: Io,
    private readonly stages: readonly Stage[],
    private readonly stepsPerEpoch: number,
  ) {
    this.#unitsLeft = stages.reduce((units, stage) => units + this.#units(stage) * stage.epochs * stepsPerEpoch, 0);
  }

  /** A stage begins, or goes on after `done` of its steps. */
  begin(stage: number, done: number): void {
    this.#stage = stage;
    // What earlier processes did is not left to do.
    const earlier = this.stages.slice(stage).reduce((units, next) => units + this.#steps(next) * this.#units(next), 0);
    this.#unitsLeft = earlier - done * this.#units(this.stages[stage]!);
    if (!this.io.stderr.isTTY) return;
    this.#bar = new cliProgress.SingleBar({
      stream: this.io.stderr,
      format: `{stage} {bar} {percentage}% | {text}`,
      barsize: 16,
      fps: 5,
      hideCursor: true,
      barCompleteChar: "█",
      barIncompleteChar: "░",
    });
    this.#bar.start(this.#steps(this.stages[stage]!), done, { stage: this.#title(), text: "" });
  }

  /** Another `count` steps are done, all in these seconds; `sums` is their epoch so far. */
  step(done: number, count: number, sums: EpochSums, seconds: number): void {
    const units = count * this.#units(this.stages[this.#stage]!);
    this.#unitsDone += units;
    this.#unitsLeft -= units;
    this.#secondsDone += seconds;
    const epoch = Math.ceil(done / this.stepsPerEpoch);
    const text = `${this.#epoch(epoch)} | ${this.#speed(sums)} | ${this.#left()} left | ${describe(meanLosses(sums))}`;
    this.#bar?.update(done, { stage: this.#title(), text });
  }

  /** An epoch is done. */
  epoch(record: EpochRecord): void {
    if (this.#bar) return;
    const { epoch, losses, trainTop1, valTop1, samplesPerSecond } = record;
    const accuracy = `train ${percent(trainTop1)}${valTop1 === undefined ? "" : `, val ${percent(valTop1)}`}`;
    const parts = [this.#epoch(epoch), accuracy, describe(losses), `${Math.round(samplesPerSecond)} images/s`];
    this.io.say(`${this.#title()}: ${[...parts, `${this.#left()} left`].join(" | ")}`);
  }

  /** Writes a line beside the bar. */
  say(line: string): void {
    if (this.#bar) this.io.stderr.write("\r\x1b[K");
    this.io.say(line);
    this.#bar?.render();
  }

  /** The stage is done, or was broken off. */
  end(): void {
    this.#bar?.stop();
    this.#bar = null;
  }

  #steps(stage: Stage): number {
    return stage.epochs * this.stepsPerEpoch;
  }

  #units({ name }: Stage): number {
    return methods[name].work;
  }

  #title(): string {
    const { name } = this.stages[this.#stage]!;
    return `stage ${this.#stage + 1}/${this.stages.length} ${name}`;
  }

  #epoch(epoch: number): string {
    return `epoch ${epoch}/${this.stages[this.#stage]!.epochs}`;
  }

  #speed({ samples, seconds }: EpochSums): string {
    return `${Math.round(samples / Math.max(seconds, 1e-3))} images/s`;
  }

  #left(): string {
    return duration((this.#secondsDone / this.#unitsDone) * this.#unitsLeft);
  }
}

/** The loss and its terms on one line. */
function describe({ total = Number.NaN, ...parts }: Record<string, number>): string {
  const terms = Object.entries(parts).map(([name, value]) => `${name} ${number(Number(value.toPrecision(3)))}`);
  return `loss ${number(Number(total.toPrecision(4)))}${terms.length > 1 ? ` (${terms.join(", ")})` : ""}`;
}
