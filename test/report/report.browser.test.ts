import { afterEach, expect, test } from "vitest";
import { renderComparison, renderReport } from "../../src/report/index.ts";
import { syntheticComparison } from "./comparisonFixture.ts";
import { syntheticReport } from "./fixture.ts";

declare global {
  interface Window {
    /** What went wrong inside the page: uncaught errors and breaches of its own policy. */
    troubles: string[];
  }
}

const WATCH = `<script>window.troubles=[];
addEventListener("error",(event)=>troubles.push(event.message));
document.addEventListener("securitypolicyviolation",(event)=>troubles.push(event.blockedURI));</script>`;

afterEach(() => {
  document.querySelector("iframe")?.remove();
});

async function open(page: string, width = 1000): Promise<Document> {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px;height:800px`;
  frame.srcdoc = page.replace("<head>", `<head>${WATCH}`);
  await new Promise((loaded) => {
    frame.onload = loaded;
    document.body.append(frame);
  });
  return frame.contentDocument as Document;
}

const troubles = (page: Document) => page.defaultView?.troubles;
const press = (element: Element, key: string) =>
  element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));

test("draws every chart without an error or a request", async () => {
  const page = await open(renderReport(syntheticReport()));
  expect(page.querySelectorAll("[data-chart] canvas")).toHaveLength(6);
  for (const image of page.querySelectorAll("img")) expect(image.naturalWidth).toBeGreaterThan(0);
  expect(
    page.defaultView?.performance.getEntriesByType("resource").filter(({ name }) => !name.startsWith("data:")),
  ).toEqual([]);
  expect(troubles(page)).toEqual([]);
});

test("the policy stops a picture from elsewhere", async () => {
  const page = await open(renderReport(syntheticReport(3)));
  const image = page.createElement("img");
  const settled = new Promise((resolve) => {
    image.onerror = resolve;
    image.onload = resolve;
  });
  image.src = new URL("/favicon.svg", location.href).href;
  page.body.append(image);
  await settled;
  expect(troubles(page)).toEqual([image.src]);
});

test("buttons hide lines, arrow keys read epochs", async () => {
  const data = syntheticReport();
  const page = await open(renderReport(data));
  const figure = page.querySelector('[data-chart="0"]') as HTMLElement;
  const plot = figure.querySelector(".plot") as HTMLElement;
  const button = figure.querySelector("button") as HTMLButtonElement;
  button.click();
  expect(button.getAttribute("aria-pressed")).toBe("false");
  button.click();
  expect(button.getAttribute("aria-pressed")).toBe("true");
  plot.focus();
  const first = String(Number(data.curves[0].losses.task[0].toPrecision(4)));
  const second = String(Number(data.curves[0].losses.task[1].toPrecision(4)));
  press(plot, "Home");
  expect(figure.querySelector("[aria-live]")?.textContent).toContain(`epoch 1: Colour only ${first},`);
  press(plot, "ArrowRight");
  expect(figure.querySelector("[aria-live]")?.textContent).toContain(`epoch 2: Colour only ${second},`);
  await expect.poll(() => button.querySelector("b")?.textContent).toBe(second);
  expect(troubles(page)).toEqual([]);
});

test("one confusion matrix shows at a time, chosen by radio button", async () => {
  const page = await open(renderReport(syntheticReport()));
  const shown = () => [...page.querySelectorAll<HTMLElement>(".panels>div")].map((panel) => panel.offsetHeight > 0);
  expect(shown()).toEqual([false, true, false, false, false]);
  (page.querySelector('label[for="cm4"]') as HTMLElement).click();
  expect(shown()).toEqual([false, false, false, false, true]);
});

test("the theme button swaps light and dark", async () => {
  const page = await open(renderReport(syntheticReport(3)));
  const ground = () => page.defaultView?.getComputedStyle(page.body).backgroundColor;
  const before = ground();
  (page.querySelector(".theme") as HTMLElement).click();
  expect(ground()).not.toBe(before);
  (page.querySelector(".theme") as HTMLElement).click();
  expect(ground()).toBe(before);
});

test.each([
  [10, 320],
  [40, 390],
])("%i classes fit a screen %i pixels wide", async (size, width) => {
  const page = await open(renderReport(syntheticReport(size)), width);
  expect(page.documentElement.scrollWidth).toBeLessThanOrEqual(width);
  expect(troubles(page)).toEqual([]);
});

test("one network without curves, and hostile names", async () => {
  const data = { ...syntheticReport(3), curves: [] };
  data.networks = data.networks.slice(0, 1);
  data.networks[0].title = "</script><img src=x onerror=troubles.push('ran')>";
  data.samples[0].name = '"><svg onload=troubles.push("ran")>';
  const page = await open(renderReport(data));
  expect(page.body.textContent).toContain(data.networks[0].title);
  expect(troubles(page)).toEqual([]);
});

test.each([
  ["classify", 320],
  ["segment", 390],
  ["segment", 1200],
] as const)("a comparison of methods that %s fits a screen %i pixels wide, without an error", async (task, width) => {
  const page = await open(renderComparison(syntheticComparison(task, 3, 13)), width);
  expect(page.documentElement.scrollWidth).toBeLessThanOrEqual(width);
  expect(page.querySelectorAll(".rows li").length).toBeGreaterThan(10);
  for (const line of page.querySelectorAll<HTMLElement>(".rows .line")) expect(line.offsetWidth).toBeGreaterThan(100);
  for (const image of page.querySelectorAll("img")) expect(image.naturalWidth).toBeGreaterThan(0);
  expect(troubles(page)).toEqual([]);
});
