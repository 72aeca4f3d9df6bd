import { element } from "../dom.ts";
import type { RunChoice } from "./types.ts";

const numbers = ["seed", "size", "scenes", "validation", "epochs", "batch", "lr"] as const;

/** The form that says what to train. */
export class ChoiceForm {
  readonly #form = element<HTMLFormElement>("choice");
  readonly #fields = element<HTMLFieldSetElement>("fields");
  readonly #command = element("command");

  /** `start` is called when the visitor wants a run like this. */
  constructor(start: (choice: RunChoice) => void) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      start(this.read());
    });
    this.#form.addEventListener("input", () => this.#showCommand());
    this.#showCommand();
  }

  /** What the form says. */
  read(): RunChoice {
    const data = new FormData(this.#form);
    const values = Object.fromEntries(numbers.map((name) => [name, Number(data.get(name))]));
    return { task: data.get("task"), method: data.get("method"), ...values } as unknown as RunChoice;
  }

  /** Makes the form say what a run was started with. */
  write(choice: RunChoice): void {
    for (const [name, value] of Object.entries(choice)) {
      const field = this.#form.elements.namedItem(name) as RadioNodeList | HTMLInputElement | null;
      if (field) field.value = String(value);
    }
    this.#showCommand();
  }

  /** A run's choice stays as it is while it runs. */
  lock(locked: boolean): void {
    this.#fields.disabled = locked;
  }

  #showCommand(): void {
    // A disabled form has no data; then nothing has changed either.
    if (this.#fields.disabled) return;
    const { task, method, seed, size, scenes, validation, epochs, batch, lr } = this.read();
    const flags = {
      ...{ task, methods: method, size, scenes: [scenes, validation, validation].join(",") },
      ...{ epochs, batch, lr, seed },
    };
    const words = Object.entries(flags).map(([name, value]) => `--${name} ${value}`);
    this.#command.textContent = `npx onestage train ${words.join(" ")}`;
  }
}
