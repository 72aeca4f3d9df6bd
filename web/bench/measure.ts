import { matches } from "../../bench/cases.ts";
import { compare } from "../../bench/compare.ts";
import { adapterName } from "../../bench/facts.ts";
import { plotStyle } from "../../bench/plot.ts";
import { parseResult, type Result } from "../../bench/result.ts";
import { roofline } from "../../bench/roofline.ts";
import { comparisonNotes, gainNotes, rate, stepNotes } from "../../bench/text.ts";
import { date, duration } from "../../src/report/format.ts";
import { UsageError } from "../../src/tensor/errors.ts";
import type { Client } from "../client.ts";
import { clearError, element, inNextFrame, make, saveFile, say, showError } from "../dom.ts";
import { caseHeader, caseLines } from "./lines.ts";
import { fillTable } from "./table.ts";
import type { BenchChoice, BenchUpdate, CaseName } from "./types.ts";

const button = (id: string) => element<HTMLButtonElement>(id);
// Files larger than this are no results; reading them would keep the page busy.
const MOST_BYTES = 16 * 2 ** 20;
// Widest plot, and its height by its width.
const PLOT = { width: 1040, ratio: 0.5, least: 320 };

/** Chooses cases, measures them and shows the results, beside those of a file. */
export class MeasureView {
  readonly #form = element<HTMLFormElement>("bench-form");
  #cases: CaseName[] = [];
  #update: BenchUpdate | null = null;
  /** Results to compare with. */
  #other: { name: string; result: Result } | null = null;
  #state = "";
  #busy = true;
  #measuring = false;
  /** Whether what is shown is not what there is. */
  #stale = false;
  readonly #drawSoon = inNextFrame(() => {
    if (this.#stale) this.#draw();
  });
  // In a frame of its own: to lay out the rows and the plot together would hold up the page.
  readonly #plotSoon = inNextFrame(() => this.#drawRoofline());

  /** `lock` is told when measuring begins and ends. */
  constructor(
    private readonly client: Client,
    private readonly lockAll: (busy: boolean) => void,
  ) {
    const style = new CSSStyleSheet();
    style.replaceSync(plotStyle.text);
    document.adoptedStyleSheets.push(style);
    client.on("bench", (update) => {
      this.#update = update;
      this.#stale = true;
      this.#drawSoon();
    });
  }

  /** Learns which cases there are, and wires the controls. */
  async open(): Promise<void> {
    this.#cases = await this.client.call("bench/cases");
    this.#form.addEventListener("input", () => this.#showChoice());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#measure();
    });
    button("bench-stop").addEventListener("click", () => this.#stop());
    button("bench-download").addEventListener("click", () => {
      const { result } = this.#update!;
      saveFile(`onestage-bench-${result.facts.date.slice(0, 10)}.json`, written(result), "application/json");
    });
    const file = element<HTMLInputElement>("file");
    button("load").addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      file.value = "";
      if (chosen) this.#load(chosen);
    });
    button("unload").addEventListener("click", () => {
      this.#other = null;
      this.#draw();
    });
    // Only of its width: what is drawn changes the height.
    let width = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width !== width) this.#plotSoon();
      width = contentRect.width;
    }).observe(element("bench"));
    this.#showChoice();
    this.lock(false);
  }

  /** Whether something is measured or profiled: then nothing else can be started. */
  lock(busy: boolean): void {
    this.#busy = busy;
    element<HTMLFieldSetElement>("bench-fields").disabled = busy;
    this.#showControls();
  }

  /** What the form says; a group is a word that its cases have, as on the command line. */
  #choice(): BenchChoice {
    const data = new FormData(this.#form);
    const set = String(data.get("set"));
    const group = set === "short" || set === "all" ? "" : set;
    const filter = `${group} ${String(data.get("words")).trim()}`.trim();
    return { filter, short: set === "short", rounds: Number(data.get("rounds")), budget: Number(data.get("budget")) };
  }

  #showChoice(): void {
    // A disabled form has no data; then nothing has changed either.
    if (element<HTMLFieldSetElement>("bench-fields").disabled) return;
    const { filter, short, rounds, budget } = this.#choice();
    const chosen = this.#cases.filter((one) => matches(one, filter) && (!short || one.short));
    say(
      element("chosen"),
      chosen.length > 0
        ? `${chosen.length} of ${this.#cases.length} cases, about ${duration(chosen.length * budget)} at most on a GPU.`
        : "No case has all these words.",
    );
    say(element("cases"), chosen.map(({ group, name }) => `${group} ${name}`).join("\n"));
    const flags = [short ? "--short" : "", filter ? `--filter "${filter}"` : ""].filter(Boolean);
    const effort = `--rounds ${rounds} --budget ${budget}`;
    say(element("bench-command"), ["npm run bench --", ...flags, effort, "--json node.json"].join(" "));
  }

  async #measure(): Promise<void> {
    const choice = this.#choice();
    clearError();
    this.#measuring = true;
    this.#update = null;
    this.lockAll(true);
    this.#say("Measuring");
    try {
      const result = await this.client.call("bench/measure", choice);
      this.#say(result.interrupted ? "Stopped" : "Done");
    } catch (error) {
      this.#say("Broken off");
      showError(error);
    }
    this.#measuring = false;
    this.lockAll(false);
    this.#draw();
  }

  #stop(): void {
    this.#say("Stopping");
    button("bench-stop").disabled = true;
    this.client.call("bench/stop").catch(showError);
  }

  async #load(file: File): Promise<void> {
    clearError();
    try {
      if (file.size > MOST_BYTES) {
        throw new UsageError(
          `${file.name}: expected results of the bench, got ${file.size} bytes, more than they have`,
        );
      }
      this.#other = { name: file.name, result: parseResult(await file.text(), file.name) };
    } catch (error) {
      showError(error);
    }
    this.#draw();
  }

  #say(state: string): void {
    this.#state = state;
    say(element("bench-state"), state);
    this.#showControls();
  }

  #showControls(): void {
    const measured = (this.#update?.result.rows.length ?? 0) > 0;
    button("bench-start").disabled = this.#busy;
    button("bench-stop").disabled = !this.#measuring || this.#state === "Stopping";
    button("bench-download").disabled = !measured;
    button("load").disabled = this.#cases.length === 0;
    button("unload").disabled = this.#other === null;
  }

  #draw(): void {
    this.#stale = false;
    const { result = null, total = 0, next = null, left = null } = this.#update ?? {};
    const other = this.#other?.result ?? null;
    const rows = result?.rows ?? [];
    const ceilings = result?.ceilings ?? null;
    say(element("fact-done"), result ? `${rows.length} of ${total}` : "–");
    say(element("fact-left"), left === null ? "–" : duration(left));
    say(element("fact-flops"), ceilings ? rate(ceilings.flops, "FLOP") : "–");
    say(element("fact-bytes"), ceilings ? rate(ceilings.bytes, "B") : "–");
    say(
      element("bench-note"),
      this.#measuring ? (next ? `Measuring ${next}` : "") : rows.length > 0 ? "" : this.#otherNote(),
    );
    const progress = element<HTMLProgressElement>("bench-progress");
    progress.max = Math.max(1, total);
    progress.value = rows.length;
    element("rows-card").hidden = rows.length === 0;
    const comparison = result && other && compare(other, result);
    fillTable(element("rows"), caseHeader(comparison), caseLines(rows, ceilings, comparison));
    list("comparison", comparison ? [this.#otherNote(), ...comparisonNotes(comparison)] : []);
    const leftOut = (result?.skipped ?? []).map(({ name, reason }) => `left out: ${name} (${reason})`);
    list("remarks", [...gainNotes(rows), ...stepNotes(rows), ...leftOut]);
    this.#plotSoon();
    this.#showControls();
  }

  #drawRoofline(): void {
    const result = this.#update?.result ?? null;
    const card = element("roofline-card");
    const kernels = result?.rows.some(({ group, flops, bytes }) => group === "kernel" && flops && bytes) ?? false;
    card.hidden = !(kernels && result?.ceilings);
    if (card.hidden) return;
    const box = element("roofline");
    const width = Math.min(PLOT.width, box.clientWidth);
    const height = Math.max(PLOT.least, Math.round(PLOT.ratio * width));
    // The template escapes what it is given.
    box.innerHTML = roofline(result!.rows, result!.ceilings!, { width, height }).text;
  }

  #otherNote(): string {
    if (!this.#other) return "";
    const { name, result } = this.#other;
    const { adapter, versions } = result.facts;
    const where = versions.browser ?? `Node ${versions.node ?? ""}`.trim();
    return `Compared with ${name}: ${result.rows.length} cases on ${adapterName(adapter)}, ${where}, ${date(result.facts.date)}`;
  }
}

/** What `--json` writes. */
function written(result: Result): string {
  return `${JSON.stringify(result, null, 1)}\n`;
}

function list(id: string, texts: readonly string[]): void {
  element(id).replaceChildren(...texts.map((text) => make("li", { text })));
}
