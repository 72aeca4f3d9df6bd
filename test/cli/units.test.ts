import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { cli, temporaryFolder, writeDataset } from "./harness.ts";

const folder = temporaryFolder();
const file = (name: string) => path.join(folder, name);
const quick = ["--epochs", "1", "--batch", "4", "--methods", "depth-only"];

beforeAll(async () => {
  writeDataset(file("data"));
  for (const unit of ["mm", "steps"]) {
    const said = await cli("prepare", "lists", file("data"), file(unit), "--jobs", "1", "--depth-unit", unit);
    expect(said.code, said.err.join("\n")).toBe(0);
    const trained = await cli("train", "--data", file(unit), ...quick, "--out", file(`run-${unit}`));
    expect(trained.code, trained.err.join("\n")).toBe(0);
  }
});

it.each([
  ["mm", "steps"],
  ["steps", "mm"],
])("a run on depth in %s is not shown depth in %s", async (own, other) => {
  const run = ["--run", file(`run-${own}`), "--network", "depth-only"];
  expect((await cli("eval", ...run, "--data", file(own))).code).toBe(0);
  expect(await cli("eval", ...run, "--data", file(other))).toMatchObject({
    code: 2,
    err: [`data: expected depth in ${own}, as the run is trained on, got ${other}`],
  });
  const depth = ["--depth", path.join(file("data"), "depth", "val-0-0.png")];
  const unit = (name: string) => (name === "mm" ? [] : ["--depth-unit", name]);
  expect((await cli("predict", ...run, ...depth, ...unit(own))).code).toBe(0);
  expect((await cli("predict", ...run, ...depth, "--depth-unit", own)).code).toBe(0);
  expect(await cli("predict", ...run, ...depth, ...unit(other))).toMatchObject({
    code: 2,
    err: [`--depth-unit: expected ${own}, as the run was trained on, got ${other === "mm" ? "no such flag" : other}`],
  });
});

it("nor does it learn from such depth without labels", async () => {
  const flags = ["--epochs", "1", "--batch", "4", "--methods", "one-stage-rgb", "--extra", "2"];
  const said = await cli("train", "--data", file("mm"), ...flags, "--unlabelled", file("steps"), "--out", file("run"));
  expect(said).toMatchObject({ code: 2, out: "" });
  expect(said.err.at(-1)).toBe("data: expected depth in mm, as the run is trained on, got steps");
});
