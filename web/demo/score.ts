import type { Task } from "../../src/model/task.ts";
import { percent } from "../../src/report/format.ts";
import type { Client } from "../client.ts";
import { element, say, showError } from "../dom.ts";
import type { NetworkName } from "./types.ts";

// Scenes that are asked about, and so many at a time: between them other pictures have their turn.
const SCENES = 200;
const TOGETHER = 4;

/** Asks both networks about many scenes, until somebody stops it. */
export class ScoreView {
  readonly #button = element<HTMLButtonElement>("score");
  /** The scoring under way, a new one for each. */
  #running: object | null = null;

  constructor(
    private readonly client: Client,
    private readonly task: () => Task,
  ) {
    this.#button.addEventListener("click", () => (this.#running ? this.stop() : this.#start()));
    this.#button.disabled = false;
  }

  /** Leaves off; what was found until then stays. */
  stop(): void {
    this.#running = null;
    say(this.#button, `Ask both about ${SCENES} scenes`);
  }

  async #start(): Promise<void> {
    const own = {};
    this.#running = own;
    say(this.#button, "Stop");
    const task = this.task();
    const sums = { "one-stage-rgb": 0, "rgb-only": 0 };
    try {
      for (let first = 0; first < SCENES; first += TOGETHER) {
        const score = await this.client.call("demo/score", { task, first, count: TOGETHER });
        if (this.#running !== own) return;
        for (const name of Object.keys(sums) as NetworkName[]) sums[name] += score[name];
        this.#show(task, sums, first + TOGETHER);
      }
    } catch (error) {
      showError(error);
    }
    if (this.#running === own) this.stop();
  }

  #show(task: Task, sums: Record<NetworkName, number>, count: number): void {
    const [ours, other] = [sums["one-stage-rgb"], sums["rgb-only"]].map((sum) => percent(sum / count));
    const what = task === "segment" ? `Of the pixels of ${count} scenes` : `Of ${count} scenes`;
    say(element("score-text"), `${what} one-stage names ${ours} right, colour only ${other}.`);
    element<HTMLProgressElement>("score-progress").value = count;
  }
}
