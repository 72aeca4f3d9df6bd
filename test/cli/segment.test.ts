import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { decodeGrey8, encodePng } from "../../src/data/png.ts";
import { jpegFile } from "../node/prepare.fixtures.ts";
import { cli, temporaryFolder, writeDataset } from "./harness.ts";

const folder = temporaryFolder();
const data = path.join(folder, "data");
const run = path.join(folder, "run");
const image = path.join(data, "rgb", "val-0-0.png");

beforeAll(async () => {
  writeDataset(data, { labels: true, splits: { train: 6, val: 4, test: 1 } });
  const nothing = encodePng({ width: 16, height: 16, data: new Uint8Array(256).fill(255) });
  for (const target of [0, 1]) writeFileSync(path.join(data, "label", `test-${target}-0.png`), nothing);
  const flags = [
    "--task",
    "segment",
    "--epochs",
    "1",
    "--batch",
    "4",
    "--methods",
    "rgb-only,one-stage-rgb,depth-only",
  ];
  const said = await cli("train", "--data", data, ...flags, "--smoothing", "0", "--out", run);
  expect(said.code, said.err.join("\n")).toBe(0);
  expect(said.out).toMatch(/network +sees at test +role +pixel accuracy +mean IoU/);
  expect(said.err).toContain("data: nothing in test is labelled; networks are compared on val instead");
});

it("a segmentation run compares by intersection over union", async () => {
  const { networks, task } = JSON.parse(readFileSync(path.join(run, "results.json"), "utf8"));
  expect(task).toBe("segment");
  const { metrics, averaged } = networks[1];
  const [[a, b], [c, d]] = metrics.confusion;
  // Of 8 images of 16x16 pixels, one pixel each does not count.
  expect(a + b + c + d).toBe(8 * 255);
  expect(metrics.perClass[0]).toBeCloseTo(a / (a + b + c), 12);
  expect(metrics.perClass[1]).toBeCloseTo(d / (b + c + d), 12);
  expect(metrics.meanClass).toBeCloseTo((metrics.perClass[0] + metrics.perClass[1]) / 2, 12);
  expect(averaged.samples).toBe(8);
});

it("its report shows label maps", () => {
  const report = readFileSync(path.join(run, "report.html"), "utf8");
  for (const caption of ["truth", "RGB only", "One-stage, RGB at test"]) {
    expect(report).toContain(`<figcaption>${caption}</figcaption>`);
  }
});

it("eval agrees with what training found", async () => {
  const said = await cli("eval", "--run", run, "--json");
  const { metrics } = JSON.parse(readFileSync(path.join(run, "results.json"), "utf8")).networks[1];
  expect(JSON.parse(said.out)).toMatchObject({ network: "one-stage-rgb", ...metrics });
  expect((await cli("eval", "--run", run)).out).toMatch(/pixel accuracy .+%, mean IoU .+%, NLL /);
});

it("eval refuses a split in which nothing is labelled", async () => {
  const said = await cli("eval", "--run", run, "--split", "test");
  const line = "--split: expected a split with labels, got test of data, which has none";
  expect(said).toMatchObject({ code: 2, out: "", err: [line] });
});

it("predict writes the label map once, and tells each class's share of it", async () => {
  const file = path.join(folder, "labels.png");
  const said = await cli("predict", "--run", run, "--rgb", image, "--save", file, "--json");
  expect(said.code, said.err.join("\n")).toBe(0);
  const { width, height, data: labels } = decodeGrey8(readFileSync(file), file);
  expect([width, height]).toEqual([16, 16]);
  const share = (k: number) => labels.filter((label) => label === k).length / labels.length;
  const { classes, task } = JSON.parse(said.out);
  expect(task).toBe("segment");
  for (const { class: name, share: told } of classes) expect(told).toBeCloseTo(share(name === "near red" ? 0 : 1), 9);
  const again = await cli("predict", "--run", run, "--rgb", image, "--save", file);
  expect(again).toMatchObject({ code: 2, err: [`--save: expected a new file, got ${file}, which exists`] });
  expect(existsSync(file)).toBe(true);
});

it("predict takes JPEG, and depth of 8 bits where its unit is told", async () => {
  const file = (name: string, bytes: Uint8Array) => {
    writeFileSync(path.join(folder, name), bytes);
    return path.join(folder, name);
  };
  const predict = (...flags: string[]) => cli("predict", "--run", run, ...flags, "--json");
  const size = { width: 16, height: 16 };
  const steps = Uint8Array.from({ length: 256 }, (_, i) => (i < 100 ? 0 : i));
  const [eight, sixteen] = [steps, Uint16Array.from(steps)].map((data) => encodePng({ ...size, data }));
  const depth = { eight: file("eight.png", eight), sixteen: file("sixteen.png", sixteen) };
  const wide = await predict("--depth", depth.sixteen);
  expect(wide.code, wide.err.join("\n")).toBe(0);
  expect(await predict("--depth", depth.eight, "--depth-unit", "mm")).toEqual(wide);
  expect(await predict("--depth", depth.eight, "--depth-unit", "steps")).toMatchObject({
    code: 2,
    err: ["--depth-unit: expected mm, as the run was trained on, got steps"],
  });
  const expected = "a 16-bit grey PNG of millimetres (or --depth-unit, if the run was trained on depth of 8 bits)";
  expect(await predict("--depth", depth.eight)).toMatchObject({
    code: 2,
    err: [`${depth.eight}: expected ${expected}, got a PNG of 8 bits`],
  });
  const jpeg = file("photo.jpg", jpegFile(16, 16, new Uint8Array(768).fill(90)));
  expect((await predict("--rgb", jpeg)).code).toBe(0);
  expect((await predict("--depth", jpeg)).err).toEqual([`${jpeg}: expected ${expected}, got a JPEG`]);
  expect((await predict("--depth", jpeg, "--depth-unit", "mm")).code).toBe(0);
});

it("a run on images' classes and pixels' classes do not mix", async () => {
  const plain = path.join(folder, "plain");
  writeDataset(plain);
  const said = await cli("eval", "--run", run, "--data", plain);
  expect(said).toMatchObject({ code: 2, err: ["plain: expected the run's classes (near red, far blue), got none"] });
});
