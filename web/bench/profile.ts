import { groupCells, groupHeader, renderProfile } from "../../src/report/profile.ts";
import { type Group, type Grouping, groupSpans, totalOf } from "../../src/tensor/profile.ts";
import { chromeTrace } from "../../src/tensor/trace.ts";
import type { Client } from "../client.ts";
import { clearError, element, saveFile, say, showError } from "../dom.ts";
import { fillTable } from "./table.ts";
import type { ProfileChoice, ProfileResult, StepName } from "./types.ts";

const button = (id: string) => element<HTMLButtonElement>(id);
const NOT_STAMPED =
  "Without the GPU's clock each dispatch was submitted and awaited alone: its time has the wait in it, so look at the long ones, and at what stands beside what.";
// The longest table that is still looked at; the rest is one row of it.
const MOST_ROWS = 24;

/** Chooses a step, profiles it and shows where its time goes. */
export class ProfileView {
  readonly #form = element<HTMLFormElement>("profile-form");
  #result: ProfileResult | null = null;
  #busy = true;
  #profiling = false;

  /** `lock` is told when profiling begins and ends. */
  constructor(
    private readonly client: Client,
    private readonly lockAll: (busy: boolean) => void,
  ) {
    client.on("profile", ({ run, runs }) => {
      const progress = element<HTMLProgressElement>("profile-progress");
      progress.max = runs;
      progress.value = run;
      say(element("profile-note"), `Run ${run + 1} of ${runs}, of which the first compiles`);
    });
  }

  /** Wires the controls. */
  async open(): Promise<void> {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#profile();
    });
    this.#form.addEventListener("input", () => this.#showCommand());
    const step = this.#field("step");
    step.addEventListener("change", () => {
      this.#field("batch").value = this.#training ? "24" : "1";
      this.#showCommand();
    });
    button("profile-stop").addEventListener("click", () => {
      button("profile-stop").disabled = true;
      say(element("profile-state"), "Stopping");
      this.client.call("bench/stop").catch(showError);
    });
    button("trace").addEventListener("click", () => {
      const { profile, title, adapter } = this.#result!;
      const text = JSON.stringify(chromeTrace(profile, `${title}, ${adapter}`));
      saveFile(`${title.split(",")[0]}-trace.json`, text, "application/json");
    });
    for (const radio of document.querySelectorAll("[name=by]")) radio.addEventListener("change", () => this.#show());
    this.#showCommand();
    this.lock(false);
  }

  /** Whether something is measured or profiled: then nothing else can be started. */
  lock(busy: boolean): void {
    this.#busy = busy;
    element<HTMLFieldSetElement>("profile-fields").disabled = busy;
    this.#showControls();
  }

  #field(name: keyof ProfileChoice): HTMLInputElement {
    return this.#form.elements.namedItem(name) as HTMLInputElement;
  }

  get #training(): boolean {
    return this.#field("step").value.startsWith("train");
  }

  #choice(): ProfileChoice {
    const number = (name: keyof ProfileChoice) => Number(this.#field(name).value);
    const step = this.#field("step").value as StepName;
    return { step, batch: number("batch"), size: number("size"), runs: number("runs") };
  }

  #showCommand(): void {
    const { step, batch, size, runs } = this.#choice();
    const task = step.split(" ")[1];
    this.#field("size").disabled = !this.#training;
    // The command line profiles networks with fresh weights, which take as long, and of the sizes that it is told.
    element("profile-terminal").hidden = !this.#training;
    const command = `npx onestage profile --task ${task} --batch ${batch} --size ${size} --steps ${runs} --trace trace.json`;
    say(element("profile-command"), command);
  }

  async #profile(): Promise<void> {
    clearError();
    this.#profiling = true;
    this.lockAll(true);
    say(element("profile-state"), "Profiling");
    say(element("profile-note"), "Measuring what this adapter can do at most");
    try {
      const result = await this.client.call("bench/profile", this.#choice());
      if (result) this.#result = result;
      say(element("profile-state"), result ? "Done" : "Stopped");
      const awaited = result?.profile.source === "wall time";
      say(element("profile-note"), awaited ? NOT_STAMPED : "");
    } catch (error) {
      say(element("profile-state"), "Broken off");
      say(element("profile-note"), "");
      showError(error);
    }
    const progress = element<HTMLProgressElement>("profile-progress");
    progress.value = this.#result ? progress.max : 0;
    this.#profiling = false;
    this.lockAll(false);
    this.#show();
  }

  #show(): void {
    element("groups-card").hidden = this.#result === null;
    if (!this.#result) return;
    const { profile, title, adapter } = this.#result;
    const { spans, limits } = profile;
    const by = document.querySelector<HTMLInputElement>("[name=by]:checked")!.value as Grouping;
    const groups = groupSpans(spans, by, limits);
    const rest = groups.slice(MOST_ROWS);
    const shown = [...groups.slice(0, MOST_ROWS), ...(rest.length > 0 ? [sumOf(rest)] : [])];
    const lines = shown.map((group) => ({ cells: groupCells(group) }));
    const total = { cells: groupCells(totalOf(spans, limits)), mark: "total" };
    say(element("groups-title"), title);
    fillTable(element("groups"), groupHeader(by), [...lines, total]);
    say(element("profile-text"), renderProfile(profile, { by, title: [title, adapter] }));
  }

  #showControls(): void {
    button("profile-start").disabled = this.#busy;
    button("profile-stop").disabled = !this.#profiling;
    button("trace").disabled = this.#result === null;
  }
}

/** Several groups as one, of which nothing is compared with a ceiling. */
function sumOf(groups: readonly Group[]): Group {
  const sum = (name: "count" | "seconds" | "share" | "flops" | "bytes") =>
    groups.reduce((total, group) => total + group[name], 0);
  return {
    name: `${groups.length} more`,
    ...{ count: sum("count"), seconds: sum("seconds"), share: sum("share"), flops: sum("flops"), bytes: sum("bytes") },
    ...{ attained: null, bound: null },
  };
}
