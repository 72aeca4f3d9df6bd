import type { Task } from "../../src/model/task.ts";
import { Client } from "../client.ts";
import { clearError, element, hasWebGpu, say, showError } from "../dom.ts";
import { Camera } from "./camera.ts";
import { ScoreView } from "./score.ts";
import type { DemoQuestion } from "./types.ts";
import { draw, showResult, showTask } from "./view.ts";

// Side of the pictures of scenes to pick from, in pixels.
const THUMB = 96;

type Picture = Pick<DemoQuestion, "scene" | "file" | "frame"> & { what: string };

const button = (id: string) => element<HTMLButtonElement>(id);

/** The page that asks two networks about a picture. */
class DemoPage {
  readonly #client = new Client();
  readonly #camera = new Camera(element<HTMLVideoElement>("video"));
  readonly #thumbs = [...document.querySelectorAll<HTMLButtonElement>(".thumb")];
  #first = 0;
  /** What is shown, to be asked about again with another task. */
  #picture: Picture = { scene: 0, what: "Scene 1" };
  /** What is being asked about, if it is no frame. */
  #current: Picture | null = null;
  /** What is asked is asked one after the other; of what waits only the last is. */
  #asking: Promise<void> | null = null;
  #next: Picture | null = null;

  /** Wires the controls and shows the first scene. */
  async open(): Promise<void> {
    let score: ScoreView | null = null;
    for (const radio of document.querySelectorAll<HTMLInputElement>("[name=task]")) {
      radio.addEventListener("change", () => {
        score?.stop();
        showTask(this.#task === "segment");
        if (!this.#camera.on) this.#ask(this.#next ?? this.#current ?? this.#picture);
      });
    }
    showTask(this.#task === "segment");
    const file = element<HTMLInputElement>("file");
    button("more").addEventListener("click", () => this.#showScenes(this.#first + this.#thumbs.length));
    button("upload").addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      file.value = "";
      if (chosen) this.#pick({ file: chosen, what: chosen.name });
    });
    button("camera").addEventListener("click", () => (this.#camera.on ? this.#stopCamera() : this.#startCamera()));
    this.#wireThumbs();
    this.#client
      .call("device")
      .then(({ name, software }) => {
        say(element("device"), `Computed on ${name}${software ? ", which is no GPU but a program" : ""}.`);
      })
      .catch(showError);
    await this.#ask(this.#picture);
    score = new ScoreView(this.#client, () => this.#task);
    for (const id of ["more", "upload", "camera"]) button(id).disabled = false;
    await this.#showScenes(0);
  }

  get #task(): Task {
    return document.querySelector<HTMLInputElement>("[name=task]:checked")!.value as Task;
  }

  #wireThumbs(): void {
    for (const [i, thumb] of this.#thumbs.entries()) {
      thumb.disabled = false;
      thumb.addEventListener("click", () => {
        const index = this.#first + i;
        this.#pick({ scene: index, what: `Scene ${index + 1}` });
      });
    }
  }

  #nameThumbs(): void {
    const { scene } = this.#picture;
    for (const [i, thumb] of this.#thumbs.entries()) {
      thumb.setAttribute("aria-label", `Scene ${this.#first + i + 1}`);
      thumb.setAttribute("aria-pressed", String(scene === this.#first + i));
    }
  }

  async #showScenes(first: number): Promise<void> {
    this.#first = first;
    this.#nameThumbs();
    try {
      for (const [i, thumb] of this.#thumbs.entries()) {
        const picture = await this.#client.call("demo/scene", { index: first + i, size: THUMB });
        if (this.#first !== first) return;
        draw(thumb.querySelector("canvas")!, picture);
      }
    } catch (error) {
      showError(error);
    }
  }

  #pick(picture: Picture): void {
    if (this.#camera.on) this.#stopCamera();
    this.#ask(picture);
  }

  /** Asks about a picture, as soon as what is asked is answered. */
  #ask(picture: Picture): Promise<void> {
    this.#next = picture;
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #askAll(): Promise<void> {
    for (let picture = this.#next; picture; picture = this.#next) {
      this.#next = null;
      const { what, ...pixels } = picture;
      this.#current = pixels.frame ? null : picture;
      const task = this.#task;
      if (!pixels.frame) say(element("state"), "Looking");
      try {
        const transfer = pixels.frame ? [pixels.frame] : [];
        const result = await this.#client.call("demo/ask", { task, ...pixels }, transfer);
        // The task may have been changed meanwhile: then it is asked again.
        if (task === this.#task) showResult(result, what);
        if (!pixels.frame) this.#picture = picture;
        clearError();
        say(element("state"), what);
      } catch (error) {
        showError(error);
        say(element("state"), "");
      }
      this.#current = null;
      this.#nameThumbs();
    }
  }

  async #startCamera(): Promise<void> {
    this.#cameraIs(true);
    try {
      await this.#camera.start((frame) => this.#ask({ frame, what: "Camera" }));
    } catch (error) {
      showError(error);
    }
    // It may have been started again meanwhile.
    this.#cameraIs(this.#camera.on);
  }

  #stopCamera(): void {
    this.#camera.stop();
    this.#cameraIs(false);
  }

  #cameraIs(on: boolean): void {
    button("camera").setAttribute("aria-pressed", String(on));
    say(button("camera"), on ? "Stop the camera" : "Use the camera");
  }
}

// In a task of its own: reading the modules has taken one already.
if (hasWebGpu()) setTimeout(() => new DemoPage().open());
