import { percent } from "../../src/report/format.ts";
import { classColour } from "../../src/report/labels.ts";
import { element, make, say } from "../dom.ts";
import type { DemoAnswer, DemoResult, Raster } from "./types.ts";

/** Puts a picture onto a canvas, which takes its size. */
export function draw(canvas: HTMLCanvasElement, { width, height, data }: Raster): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext("2d")!.putImageData(new ImageData(data, width, height), 0, 0);
}

/** Shows all that is known of a picture. */
export function showResult(result: DemoResult, what: string): void {
  const { picture, truth, restored, answers, classes, size } = result;
  draw(canvas("picture"), picture);
  label("picture", what);
  say(element("picture-note"), `Colour, ${size} × ${size} pixels to them`);
  if (truth) {
    draw(canvas("depth"), truth.depth);
    const [near, far] = truth.range.map((metres) => metres.toFixed(1));
    say(element("depth-note"), `Depth, shown to nobody: ${near} m bright to ${far} m dark`);
  } else {
    canvas("depth").getContext("2d")!.clearRect(0, 0, canvas("depth").width, canvas("depth").height);
    say(element("depth-note"), "Depth: your picture has none");
  }
  label("depth", truth ? "The scene's depth, which no network sees" : "No depth");
  if (restored) {
    const { width, height, channels, mean, strongest } = restored;
    draw(canvas("restored"), mean);
    say(element("restored-note"), `Mean of ${channels} features in ${width} × ${height} cells; four of them beside`);
    label("restored", `Mean of the features that stand for depth, ${width} by ${height} cells`);
    element("channels").replaceChildren(
      ...strongest.map(({ channel, raster }) => {
        const small = make("canvas", { className: "picture" });
        small.setAttribute("role", "img");
        small.setAttribute("aria-label", `Feature ${channel + 1}`);
        draw(small, raster);
        return small;
      }),
    );
  }
  const best = Math.max(...answers.map(({ right }) => right ?? 0));
  for (const answer of answers) showAnswer(answer, result, best);
  showTruth(result, classes);
}

/** Shows or hides what only pixels have. */
export function showTask(pixels: boolean): void {
  for (const picture of document.querySelectorAll<HTMLElement>(".answer .picture")) picture.hidden = !pixels;
  element("truth").hidden = !pixels;
}

function showAnswer(answer: DemoAnswer, { classes, truth }: DemoResult, best: number): void {
  const { network, probabilities, labels, right, milliseconds } = answer;
  const card = element(network);
  const verdict = part(card, ".verdict");
  verdict.classList.remove("right", "wrong");
  if (probabilities) {
    const first = probabilities.indexOf(Math.max(...probabilities));
    const sign = right === null ? "" : right === 1 ? "✓ " : "✗ ";
    say(verdict, `${sign}${classes[first]}, ${percent(probabilities[first]!, 0)}`);
    if (right !== null) verdict.classList.add(right === 1 ? "right" : "wrong");
    list(card, classes, probabilities, { swatches: false, bold: first, truth: truth?.target });
  } else if (labels) {
    draw(part<HTMLCanvasElement>(card, ".picture"), labels.raster);
    say(verdict, right === null ? "No truth to compare with" : `${percent(right)} of the pixels right`);
    if (right === best && right !== null) verdict.classList.add("right");
    list(card, classes, labels.shares, { swatches: true });
  }
  say(part(card, ".time"), `${Math.max(1, Math.round(milliseconds))} ms`);
}

function showTruth({ truth }: DemoResult, classes: readonly string[]): void {
  const card = element("truth");
  const verdict = part(card, ".verdict");
  card.hidden = !truth?.labels;
  if (!truth?.labels) return;
  draw(part<HTMLCanvasElement>(card, ".picture"), truth.labels.raster);
  say(verdict, "Every pixel");
  list(card, classes, truth.labels.shares, { swatches: true });
}

interface ListOptions {
  swatches: boolean;
  /** Index of the class that is said, and of the true one. */
  bold?: number;
  truth?: number;
}

/** A bar for each class. */
function list(card: HTMLElement, classes: readonly string[], shares: readonly number[], options: ListOptions): void {
  const said = part(card, ".said");
  if (said.childElementCount !== classes.length || said.dataset.swatches !== String(options.swatches)) {
    said.dataset.swatches = String(options.swatches);
    said.replaceChildren(...classes.map((name, i) => row(name, options.swatches ? i : null)));
  }
  for (const [i, item] of [...said.children].entries()) {
    const share = shares[i]!;
    item.classList.toggle("best", i === options.bold);
    say(part(item as HTMLElement, ".true"), i === options.truth ? "true" : "");
    part(item as HTMLElement, ".bar-value").style.width = `${Number.isFinite(share) ? 100 * share : 0}%`;
    say(part(item as HTMLElement, ".share"), percent(share, 0));
  }
}

function row(name: string, swatch: number | null): HTMLLIElement {
  const item = make("li");
  const title = make("span", { className: "name" });
  if (swatch !== null) {
    const square = make("i", { className: "swatch" });
    square.style.background = `rgb(${classColour(swatch).join(" ")})`;
    title.append(square, " ");
  }
  title.append(name, " ", make("em", { className: "true" }));
  const bar = make("span", { className: "bar-track" });
  bar.append(make("i", { className: "bar-value" }));
  item.append(title, bar, make("span", { className: "share" }));
  return item;
}

function canvas(id: string): HTMLCanvasElement {
  return element<HTMLCanvasElement>(id);
}

function label(id: string, text: string): void {
  element(id).setAttribute("aria-label", text);
}

function part<T extends HTMLElement>(card: HTMLElement, selector: string): T {
  return card.querySelector<T>(selector)!;
}
