import { Client } from "../client.ts";
import { element, hasWebGpu, say, showError } from "../dom.ts";
import { MeasureView } from "./measure.ts";
import { ProfileView } from "./profile.ts";

const NO_CLOCK =
  " This browser does not let pages read the GPU's clock (timestamp-query), so times are taken by the page's own clock, from submission until the GPU is done: short ones come out too long.";

/** The page that measures and profiles: one at a time, or each would disturb the other. */
class BenchPage {
  readonly #client = new Client();
  readonly #views = [
    new MeasureView(this.#client, (busy) => this.#lock(busy)),
    new ProfileView(this.#client, (busy) => this.#lock(busy)),
  ] as const;

  /** Wires the controls. */
  async open(): Promise<void> {
    const radios = document.querySelectorAll<HTMLInputElement>("[name=view]");
    const show = () => {
      for (const { value, checked } of radios) element(value).hidden = !checked;
    };
    for (const radio of radios) radio.addEventListener("change", show);
    // A page that is gone back to has the choices that were made there.
    show();
    try {
      const { name, software, timestamps } = await this.#client.call("device");
      const kind = software ? ", which is no GPU but a program: the processor computes" : "";
      say(element("device"), `On ${name}${kind}.${timestamps ? "" : NO_CLOCK}`);
      for (const view of this.#views) await view.open();
    } catch (error) {
      showError(error);
    }
  }

  #lock(busy: boolean): void {
    for (const view of this.#views) view.lock(busy);
  }
}

// In a task of its own: reading the modules has taken one already.
if (hasWebGpu()) setTimeout(() => new BenchPage().open());
