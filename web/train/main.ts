import { duration, number, percent, whole } from "../../src/report/format.ts";
import { Client } from "../client.ts";
import { clearError, element, hasWebGpu, inNextFrame, make, saveFile, say, showError } from "../dom.ts";
import { Chart } from "./chart.ts";
import { ChoiceForm } from "./form.ts";
import { accuracyChart, lossChart } from "./lines.ts";
import type { Curve, RunChoice, RunSnapshot, RunState, RunStatus, RunUpdate, SavedRun } from "./types.ts";

const STATES: Record<RunState, string> = {
  drawing: "Drawing the scenes",
  training: "Training",
  paused: "Paused and saved",
  finished: "Finished",
  stopped: "Stopped",
  failed: "Broken off",
};

const button = (id: string) => element<HTMLButtonElement>(id);

/** The page that trains. */
class TrainPage {
  readonly #client = new Client();
  readonly #form = new ChoiceForm((choice) => this.#try(() => this.#start(choice)));
  readonly #losses = new Chart(element("loss-plot"), element("loss-legend"), { unit: "steps", percent: false });
  readonly #accuracy = new Chart(element("accuracy-plot"), element("accuracy-legend"), {
    ...{ unit: "epochs", percent: true, firstColour: 1 },
  });
  readonly #shown = element<HTMLSelectElement>("shown");
  #curves: Curve[] = [];
  #status: RunStatus | null = null;
  readonly #drawSoon = inNextFrame(() => this.#draw());

  /** Wires the controls and looks for what an earlier visit left. */
  async open(): Promise<void> {
    this.#client.on("train", (update) => this.#update(update));
    const on = (id: string, action: () => Promise<void>) => {
      button(id).addEventListener("click", () => this.#try(action, button(id)));
    };
    on("pause", () => this.#client.call("train/pause"));
    on("resume", () => this.#resume());
    on("stop", () => this.#client.call("train/stop"));
    on("download", async () => {
      const { name, bytes } = await this.#client.call("train/weights");
      saveFile(name, bytes, "application/octet-stream");
    });
    on("go-on", () => this.#resume());
    on("discard", () => this.#discard());
    this.#shown.addEventListener("change", () => this.#draw());
    this.#draw();
    await this.#try(async () => {
      this.#offer(await this.#client.call("train/saved"));
      button("start").disabled = false;
    });
  }

  /** Does something, and shows what goes wrong; the control that was used does nothing meanwhile. */
  async #try(action: () => Promise<void>, control?: HTMLButtonElement): Promise<void> {
    clearError();
    if (control) control.disabled = true;
    try {
      await action();
    } catch (error) {
      showError(error);
    }
    if (control) control.disabled = false;
    this.#showControls();
  }

  async #start(choice: RunChoice): Promise<void> {
    const open = this.#status?.state === "paused" || this.#status?.state === "failed";
    if (open && !confirm("Start another run? The one that is paused is deleted then.")) return;
    button("start").disabled = true;
    this.#show(await this.#client.call("train/start", choice));
  }

  async #resume(): Promise<void> {
    this.#show(await this.#client.call("train/resume"));
  }

  async #discard(): Promise<void> {
    await this.#client.call("train/discard");
    element("saved").hidden = true;
    this.#curves = [];
    this.#status = null;
    this.#listNetworks();
    this.#draw();
    this.#showStatus();
  }

  /** Offers a run that can go on, and shows one that cannot. */
  #offer(saved: SavedRun | null): void {
    if (!saved) return;
    const { choice, status, curves, place } = saved;
    this.#form.write(choice);
    this.#show(saved);
    if (status.state !== "paused") return;
    const when = status.saved === null ? "" : ` of ${new Date(status.saved).toLocaleString()}`;
    const text = `${curves.at(-1)!.title}, step ${whole(status.step)} of ${whole(status.steps)}, as${when}. It lies in ${place}.`;
    say(element("saved-text"), text);
    element("saved").hidden = false;
  }

  #show({ status, curves }: RunSnapshot): void {
    this.#curves = curves;
    this.#status = status;
    this.#listNetworks();
    this.#draw();
    this.#showStatus();
  }

  #update({ status, points, epochs, curves }: RunUpdate): void {
    const before = this.#status?.network;
    this.#status = status;
    if (curves) this.#curves = curves;
    for (const { network, step, losses } of points) {
      const curve = this.#curves[network]!;
      curve.steps.push(step);
      for (const [name, value] of Object.entries(losses)) {
        curve.losses[name] ??= [];
        curve.losses[name].push(value);
      }
    }
    for (const { network, point } of epochs) this.#curves[network]!.epochs.push(point);
    if (before !== status.network) this.#shown.selectedIndex = status.network;
    if (curves || points.length > 0 || epochs.length > 0) this.#drawSoon();
    this.#showStatus();
  }

  #listNetworks(): void {
    const options = this.#curves.map(({ title }) => make("option", { text: title }));
    this.#shown.replaceChildren(...(options.length > 0 ? options : [make("option", { text: "–" })]));
    this.#shown.disabled = options.length < 2;
    this.#shown.selectedIndex = this.#status?.network ?? 0;
  }

  /** Each chart in a task of its own, so that the page answers between them. */
  #draw(): void {
    const curve = () => this.#curves[this.#shown.selectedIndex];
    setTimeout(() => this.#losses.show(lossChart(curve())));
    setTimeout(() => this.#accuracy.show(accuracyChart(curve())));
  }

  #showStatus(): void {
    const status = this.#status;
    say(element("state"), status ? STATES[status.state] : "Not started");
    say(element("note"), status?.note ?? "");
    const fact = (name: string, text: string) => say(element(`fact-${name}`), status ? text : "–");
    const progress = element<HTMLProgressElement>("progress");
    progress.max = status?.steps ?? 1;
    progress.value = status?.step ?? 0;
    this.#showControls();
    if (!status) {
      for (const { id } of document.querySelectorAll<HTMLElement>("[id^=fact-]")) say(element(id), "–");
      return;
    }
    const { step, steps, network, epoch, epochs, imagesPerSecond, left, loss, saved } = status;
    fact("network", this.#curves.length > 1 ? `${network + 1} of ${this.#curves.length}` : "1 of 1");
    fact("step", `${whole(step)} of ${whole(steps)}`);
    fact("epoch", `${epoch} of ${epochs}`);
    fact("rate", imagesPerSecond > 0 ? number(Number(imagesPerSecond.toPrecision(3))) : "–");
    fact("left", left === null ? "–" : duration(left));
    fact("loss", loss === null ? "–" : number(Number(loss.toPrecision(4))));
    const accuracy = this.#curves[network]?.epochs.at(-1)?.validation;
    fact("accuracy", accuracy == null ? "–" : percent(accuracy));
    fact("saved", saved === null ? "–" : new Date(saved).toLocaleTimeString());
  }

  #showControls(): void {
    const state = this.#status?.state;
    const busy = state === "training" || state === "drawing";
    const open = state === "paused" || state === "failed";
    button("start").disabled = busy;
    button("pause").disabled = state !== "training";
    button("resume").disabled = !open;
    button("stop").disabled = !(busy || open);
    button("download").disabled = !state || state === "drawing" || this.#status!.step === 0;
    this.#form.lock(busy);
    if (state !== "paused") element("saved").hidden = true;
  }
}

// In a task of its own: reading the modules has taken one already.
if (hasWebGpu()) setTimeout(() => new TrainPage().open());
