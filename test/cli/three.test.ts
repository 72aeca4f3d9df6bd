import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { encodePng } from "../../src/data/png.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { cli, temporaryFolder, writeDataset } from "./harness.ts";

const folder = temporaryFolder();
const [source, data, run] = ["faces", "packed", "run"].map((name) => path.join(folder, name)) as [
  string,
  string,
  string,
];
const classes = ["attack", "live"];
const side = 16;
const picture = (part: string) => path.join(source, "val", "live", `0_${part}.png`);

/** Class folders whose images differ in every modality. */
function writeFaces(): void {
  for (const [split, count] of [
    ["train", 6],
    ["val", 3],
  ] as const) {
    for (const [target, name] of classes.entries()) {
      mkdirSync(path.join(source, split, name), { recursive: true });
      for (let i = 0; i < count; i++) {
        const rng = new Rng(i, split, name);
        const bytes = (length: number) => Uint8Array.from({ length }, () => 100 * target + rng.int(100));
        const write = (part: string, pixels: Uint8Array | Uint16Array) =>
          writeFileSync(
            path.join(source, split, name, `${i}_${part}.png`),
            encodePng({ width: side, height: side, data: pixels }),
          );
        write("rgb", bytes(3 * side * side));
        write(
          "depth",
          Uint16Array.from(bytes(side * side), (value) => 500 + value),
        );
        write("ir", bytes(side * side));
      }
    }
  }
}

beforeAll(async () => {
  writeFaces();
  const packed = await cli("prepare", "folders", source, data, "--jobs", "1");
  expect(packed.code, packed.err.join("\n")).toBe(0);
  const flags = ["--modalities", "rgb,depth,ir", "--methods", "one-stage-rgb,ir-only", "--batch", "4", "--crop", "0"];
  const said = await cli("train", "--data", data, ...flags, "--epochs", "2", "--out", run, "--json");
  expect(said.code, said.err.join("\n")).toBe(0);
}, 180_000);

it("trains a privileged network for each missing modality, and says in the run how infrared is scaled", () => {
  const config = JSON.parse(readFileSync(path.join(run, "config.json"), "utf8"));
  expect(config.stages.map(({ name }: { name: string }) => name).sort()).toEqual(
    ["ir-only", "one-stage-rgb", "privileged-depth", "privileged-ir"].sort(),
  );
  expect(config.serves).toEqual({ rgb: "one-stage-rgb", depth: null, both: null, ir: "ir-only", all: null });
  // Half of the images between 0 and 99, the others 100 more.
  expect(config.dataset.ir.mean).toBeGreaterThan(90);
  expect(config.dataset.ir.mean).toBeLessThan(110);
  const report = readFileSync(path.join(run, "report.html"), "utf8");
  expect(report).toContain("ir features restored");
  expect(report).toContain("features of the true depth");
});

it("evaluates each network on what it sees, the colour network on data without infrared too", async () => {
  for (const modality of ["rgb", "ir"]) {
    const said = await cli("eval", "--run", run, "--modality", modality, "--json");
    expect(said.code, said.err.join("\n")).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({ modality, samples: 6, spoofing: { half: {} } });
  }
  const plain = writeDataset(path.join(folder, "plain"), { classes });
  const colour = await cli("eval", "--run", run, "--modality", "rgb", "--data", plain, "--split", "val", "--json");
  expect(colour.code, colour.err.join("\n")).toBe(0);
  const infrared = await cli("eval", "--run", run, "--modality", "ir", "--data", plain, "--split", "val");
  expect(infrared.code).toBe(2);
  expect(infrared.err.join("\n")).toMatch(/expected infrared, got none$/);
});

it("predicts by a colour image, or by an infrared one", async () => {
  for (const part of ["rgb", "ir"]) {
    const said = await cli("predict", "--run", run, `--${part}`, picture(part), "--json");
    expect(said.code, said.err.join("\n")).toBe(0);
    const probabilities = JSON.parse(said.out).classes.map((one: { probability: number }) => one.probability);
    expect(probabilities[0] + probabilities[1]).toBeCloseTo(1, 6);
  }
  const both = await cli("predict", "--run", run, "--rgb", picture("rgb"), "--ir", picture("ir"));
  expect(both.err).toEqual([expect.stringMatching(/^--rgb, --depth, --ir: expected .+, got rgb and ir$/)]);
});

it("exports the network without both hallucination heads", async () => {
  const out = path.join(folder, "network.safetensors");
  const said = await cli("export", "--run", run, "--network", "one-stage-rgb", "--out", out, "--json");
  expect(said.code, said.err.join("\n")).toBe(0);
  expect(Object.keys(JSON.parse(said.out).leftOut)).toEqual(["head_h", "more.0.head"]);
  const [whole, alone] = [
    await cli("predict", "--run", run, "--rgb", picture("rgb"), "--json"),
    await cli("predict", "--run", out, "--rgb", picture("rgb"), "--json"),
  ];
  expect(JSON.parse(alone.out).classes).toEqual(JSON.parse(whole.out).classes);
});

it("refuses modalities that are not there, and methods that these have not", async () => {
  const plain = writeDataset(path.join(folder, "two"), { classes });
  const without = await cli("train", "--data", plain, "--modalities", "rgb,depth,ir", "--out", path.join(folder, "no"));
  expect(without.err.join("\n")).toMatch(
    /^--modalities: expected rgb,depth, for two has no infrared, got rgb,depth,ir$/,
  );
  const scenes = await cli("train", "--modalities", "rgb,depth,ir");
  expect(scenes.err.join("\n")).toMatch(/^--modalities: expected rgb,depth for the built-in scenes/);
  const pair = await cli("train", "--data", data, "--modalities", "rgb,depth,ir", "--methods", "hoffman-rgb");
  expect(pair.err.join("\n")).toMatch(/^--methods: expected names out of .+ with rgb,depth,ir, got hoffman-rgb$/);
  const two = await cli("train", "--data", data, "--methods", "ir-only");
  expect(two.err.join("\n")).toMatch(/^--methods: expected names out of .+ with rgb,depth, got ir-only$/);
});
