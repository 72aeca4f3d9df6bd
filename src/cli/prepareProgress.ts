import cliProgress, { type SingleBar } from "cli-progress";
import { duration } from "../report/format.ts";
import type { Io } from "./io.ts";

// Time without a word where there is no terminal, in milliseconds.
const SILENT_MS = 5000;

/** Shows how far a dataset is prepared: a bar on a terminal, a line now and then elsewhere. */
export class PrepareProgress {
  #bar: SingleBar | null = null;
  #done = 0;
  readonly #began = performance.now();
  #said = this.#began;

  constructor(
    private readonly io: Io,
    private readonly name: string,
    private readonly total: number,
  ) {
    if (!io.stderr.isTTY) return;
    this.#bar = new cliProgress.SingleBar({
      stream: io.stderr,
      format: "{name} {bar} {percentage}% | {text}",
      barsize: 16,
      fps: 5,
      hideCursor: true,
      barCompleteChar: "█",
      barIncompleteChar: "░",
    });
    this.#bar.start(total, 0, { name, text: "" });
  }

  /** More samples are done. */
  add(count: number): void {
    this.#done += count;
    const seconds = (performance.now() - this.#began) / 1000;
    const left = duration((seconds / this.#done) * (this.total - this.#done));
    const text = `${this.#done} of ${this.total} images | ${Math.round(this.#done / seconds)} images/s | ${left} left`;
    this.#bar?.update(this.#done, { name: this.name, text });
    if (this.#bar || performance.now() - this.#said < SILENT_MS) return;
    this.#said = performance.now();
    this.io.say(`preparing ${this.name}: ${text}`);
  }

  /** All is done, or was broken off. */
  end(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}
