import { WorkerError } from "./client.ts";

/** The element with an id. @throws Error if the page has none */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`expected an element with the id ${id}, got none`);
  return found as T;
}

/** Sets an element's text, where it differs: nothing is laid out again for the same text. */
export function say(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** A new element with a class and text. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { className = "", text = "" }: { className?: string; text?: string } = {},
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Draws in the browser's next frame, once however often it is asked for until then. */
export function inNextFrame(draw: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

/** Hands a file to the visitor. */
export function saveFile(name: string, contents: BlobPart, type: string): void {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([contents], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Shows an error on the page: WebGPU that is missing in words of its own, everything else as it is. */
export function showError(error: unknown): void {
  if (error instanceof WorkerError && error.name === "NoAdapterError") {
    element("no-webgpu").hidden = false;
    return;
  }
  const box = element("error");
  const message = error instanceof Error ? error.message : String(error);
  say(element("error-text"), message);
  box.hidden = false;
}

/** Takes the error away. */
export function clearError(): void {
  element("error").hidden = true;
}

/** Whether this browser offers WebGPU to this page; says what is needed where it does not. */
export function hasWebGpu(): boolean {
  const offered = navigator.gpu !== undefined;
  element("no-webgpu").hidden = offered;
  return offered;
}
