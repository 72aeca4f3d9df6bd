import { expect, it } from "vitest";
import { summarise } from "../../bench/statistics.ts";
import { WEB_FORMAT, type WebEngine, type WebPage, type WebResult, webText } from "../../bench/web.ts";

const page = (first: number, warm: number, right = true): WebPage => ({
  script: { bytes: 90_000, gzip: 30_000 },
  ...{ first: summarise([first]), warm: summarise([warm]), difference: right ? 1e-6 : 0.5, right },
});

const engine = (name: string, infer: WebPage, train: WebPage | null): WebEngine => ({
  ...{ engine: name, version: "1.2.3", infer, train },
  beside: { "model.onnx": { bytes: 9000, gzip: 8000 }, "ort/a.wasm": { bytes: 9e6, gzip: 2e6 } },
});

const result = (...engines: WebEngine[]): WebResult => ({
  ...{ format: WEB_FORMAT, date: "", browser: "147", rounds: 1, engines },
  machine: { processor: "p", cores: 2 },
  load: { before: [1, 1, 1], after: [1, 1, 1] },
  adapter: { vendor: "google", architecture: "swiftshader", description: "" },
});

it("says how many times ours others take, and only of what computes the same", () => {
  const failed: WebPage = { script: { bytes: 1, gzip: 1 }, failed: "no adapter" };
  const text = webText(
    result(
      engine("ours", page(1000, 10), page(2000, 100)),
      { ...engine("other", page(2500, 20), null), beside: {} },
      engine("wrong", page(500, 1, false), failed),
    ),
  );
  const line = (name: string) => text.split("\n").find((each) => each.startsWith(name))!;
  expect(line("ours")).toMatch(/30\.0 kB +30\.0 kB +2000 kB +8\.0 kB +1 s ±0 % +10 ms ±0 % +100 ms ±0 %$/);
  expect(line("other")).toMatch(/30\.0 kB +none +none +none +2\.5 s ±0 % \(2\.50x\) +20 ms ±0 % \(2\.00x\) +none$/);
  expect(line("wrong 1.2.3")).toMatch(/WRONG +WRONG +failed$/);
  expect(text).toContain("wrong failed: no adapter");
});
