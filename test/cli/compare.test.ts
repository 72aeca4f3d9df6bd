import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { cellSettings, methodOf, readCompareConfig } from "../../src/cli/compare/config.ts";
import { stagesOf } from "../../src/run/settings.ts";
import { cli, temporaryFolder, writeDataset } from "./harness.ts";
import { bundledProgram, startProgram } from "./process.ts";

const folder = temporaryFolder();
const data = writeDataset(path.join(folder, "data"), { splits: { train: 40, val: 8 } });
const bundle = bundledProgram();

const configs = fileURLToPath(new URL("../../configs", import.meta.url));

const rows = [
  { id: "only", method: "only" },
  { id: "kd", method: "kd" },
  { id: "ensemble", method: "ensemble" },
  { id: "one-stage", method: "one-stage", label: "Ours" },
  { id: "no-jan", method: "one-stage", settings: { alpha: 0, beta: 0 } },
  { id: "rgbd", method: "rgbd" },
];
const whole = {
  title: "Small",
  settings: { epochs: 1, batch: 8, crop: 0, privilegedEpochs: 1 },
  seeds: [1, 2],
  directions: ["rgb"],
  rows,
  ...{ ours: "one-stage", baseline: "only", upper: "rgbd" },
};

/** Writes a configuration. */
function configured(name: string, changes: object = {}): string {
  const file = path.join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify({ ...whole, ...changes }));
  return file;
}

const compare = (file: string, out: string, ...more: string[]) =>
  cli("compare", file, "--data", data, "--out", path.join(folder, out), ...more);

/** A cell's result without what depends on the clock. */
function cell(out: string, name: string): object {
  const result = JSON.parse(readFileSync(path.join(folder, out, "cells", `${name}.json`), "utf8"));
  return { ...result, stages: result.stages.map((stage: object) => ({ ...stage, seconds: 0 })) };
}

const names = (out: string) => readdirSync(path.join(folder, out, "cells")).map((file) => path.basename(file, ".json"));

describe("onestage compare", { timeout: 120_000 }, () => {
  const file = configured("whole");

  it("trains every cell once, shares their stages, and writes the report", async () => {
    const { code, out, err } = await compare(file, "whole", "--workers", "1");
    expect(code, err.join("\n")).toBe(0);
    expect(out).toContain("# Small");
    // The table as it stood after the first cell: nothing is known of the others yet.
    expect(err.join("\n")).toMatch(/rgb-only-s1 is done, 11 of 12 cells to go, about/);
    expect(err.find((line) => /^ {2}only +\d+\.\d +·$/.test(line))).toBeDefined();
    const expected = rows.flatMap(({ id }) => [1, 2].map((seed) => `rgb-${id}-s${seed}`));
    expect(names("whole").sort()).toEqual(expected.sort());
    // rgb-only, second-rgb, ensemble, P, kd, two of one-stage, rgbd; each with two seeds.
    expect(readdirSync(path.join(folder, "whole", "work"))).toHaveLength(2 * 8);
    const { missing, tables } = JSON.parse(readFileSync(path.join(folder, "whole", "results.json"), "utf8"));
    expect(missing).toEqual([]);
    // Networks with two heads have a row for their mean, which has more weights and takes its own time.
    const found = new Map<string, { parameters: number; predictSeconds: number }>();
    for (const row of tables[0].rows) found.set(row.id, row);
    expect([...found.keys()]).toHaveLength(rows.length + 2);
    for (const { predictSeconds } of found.values()) expect(predictSeconds).toBeGreaterThan(0);
    // Networks of one form are measured once, however they were trained.
    expect(found.get("rgb-kd")!.predictSeconds).toBe(found.get("rgb-only")!.predictSeconds);
    expect(found.get("rgb-one-stage+h")!.parameters).toBeGreaterThan(found.get("rgb-one-stage")!.parameters);
    for (const report of ["report.md", "report.html", "figure-rgb.svg"]) {
      expect(readFileSync(path.join(folder, "whole", report), "utf8")).toContain("Ours");
    }
    // P is trained once, and only one cell with a teacher of its own name differs from the other.
    const [ours, without] = ["one-stage", "no-jan"].map((id) => cell("whole", `rgb-${id}-s1`)) as [
      { stages: { name: string }[]; parameters: number; flops: number },
      { stages: { name: string }[]; parameters: number; flops: number },
    ];
    expect(ours.stages.map((stage) => stage.name)).toEqual(["privileged-depth", "one-stage-rgb"]);
    expect(without.stages.map((stage) => stage.name)).toEqual(["one-stage-rgb"]);
    expect(ours.parameters).toBe(without.parameters);
    expect(ours.flops).toBe(without.flops);
  });

  it("shows the differences of the head that the configuration names", async () => {
    const root = path.join(folder, "heads");
    cpSync(path.join(folder, "whole"), root, { recursive: true });
    const { code, err } = await compare(configured("heads", { head: "averaged" }), "heads", "--report");
    expect(code, err.join("\n")).toBe(0);
    const [table] = JSON.parse(readFileSync(path.join(root, "results.json"), "utf8")).tables;
    expect(table.reference).toBe("rgb-one-stage+h");
    expect(new Set(table.differences.map(({ of }: { of: string }) => of))).toEqual(new Set(["rgb-one-stage+h"]));
    expect(new Set(table.otherHeadDifferences.map(({ of }: { of: string }) => of))).toEqual(new Set(["rgb-one-stage"]));
    const single = await compare(configured("heads", { head: "averaged", ours: "kd" }), "heads", "--report");
    expect(single.code).toBe(2);
    expect(single.err.at(-1)).toMatch(/heads\.json: head: expected fused, as kd has one head, got averaged/);
    // Nothing is known of a network before it is trained.
    rmSync(path.join(root, "cells"), { recursive: true });
    expect((await compare(configured("heads", { head: "averaged" }), "heads", "--report")).code).toBe(0);
  });

  it("does nothing again that is done", async () => {
    const times = () =>
      names("whole").map((name) => statSync(path.join(folder, "whole", "cells", `${name}.json`)).mtimeMs);
    const before = times();
    const { code, err } = await compare(file, "whole", "--workers", "1");
    expect(code).toBe(0);
    expect(times()).toEqual(before);
    expect(err.filter((line) => line.includes("epoch"))).toEqual([]);
  });

  it("brings one cell about by its number or name, to the same result", async () => {
    const listed = await compare(file, "single", "--list", "--json");
    const cells = JSON.parse(listed.out) as { cell: number; name: string; done: boolean }[];
    expect(cells.map(({ done }) => done)).toEqual(cells.map(() => false));
    const number = cells.findIndex(({ name }) => name === "rgb-kd-s2");
    expect((await compare(file, "single", "--cell", `${number}`)).code).toBe(0);
    const json = await compare(file, "single", "--cell", "rgb-kd-s2", "--json");
    expect(JSON.parse(json.out).row).toBe("kd");
    expect(names("single")).toEqual(["rgb-kd-s2"]);
    expect(cell("single", "rgb-kd-s2")).toEqual(cell("whole", "rgb-kd-s2"));
    const again = await compare(file, "single", "--list");
    expect(again.out.split("\n").filter((line) => line.includes("\tdone\t"))).toEqual([`${number}\tdone\trgb-kd-s2`]);
  });

  it("trains a cell again whose settings have changed, and no other stage", async () => {
    const changed = configured("changed", {
      rows: rows.map((row) => (row.id === "kd" ? { ...row, settings: { kd: 3 } } : row)),
    });
    const list = await compare(changed, "single", "--list", "--json");
    expect(JSON.parse(list.out).some(({ done }: { done: boolean }) => done)).toBe(false);
    const { err } = await compare(changed, "single", "--cell", "rgb-kd-s2");
    const trained = err.filter((line) => line.includes("epoch 1/1"));
    expect(trained).toHaveLength(1);
    expect(trained[0]).toContain("kd-rgb");
  });

  it("takes cells of the same networks from another comparison, and no others", async () => {
    const other = { id: "same", method: "one-stage" };
    const changed = { id: "changed", method: "one-stage", settings: { beta: 3 } };
    const few = configured("few", { rows: [other, changed], ours: "same", baseline: null, upper: null });
    const known = ["--known", path.join(folder, "whole")];
    const { code, err } = await compare(few, "few", ...known, "--cell", "rgb-same-s1");
    expect(code, err.join("\n")).toBe(0);
    expect(err.filter((line) => /known|epoch/.test(line))).toEqual([`2 cells are known from ${known[1]}`]);
    expect(names("few").sort()).toEqual(["rgb-same-s1", "rgb-same-s2"]);
    expect(cell("few", "rgb-same-s2")).toEqual({ ...cell("whole", "rgb-one-stage-s2"), row: "same" });
    const none = await compare(few, "few", "--known", folder, "--cell", "rgb-same-s1");
    expect(none.err.at(-1)).toMatch(/expected the folder of a comparison, with cells in it, got none$/);
  });

  it("writes the report of what is there, and the commands for what is missing", async () => {
    const { code, err } = await compare(file, "whole-part", "--cell", "rgb-only-s1");
    expect(code, err.join("\n")).toBe(0);
    const report = await compare(file, "whole-part", "--report");
    expect(report.code, report.err.join("\n")).toBe(0);
    expect(report.err.join("\n")).toContain("11 cells are not done yet");
    expect(readFileSync(path.join(folder, "whole-part", "report.md"), "utf8")).toContain("--cell rgb-kd-s2");
  });

  it("shows pictures of the first seed whose networks are there", async () => {
    cpSync(path.join(folder, "whole"), path.join(folder, "pictured"), { recursive: true });
    const work = path.join(folder, "pictured", "work");
    const samplesOf = async (config: string) => {
      expect((await compare(config, "pictured", "--report")).code).toBe(0);
      return JSON.parse(readFileSync(path.join(folder, "pictured", "results.json"), "utf8")).samples;
    };
    const first = await samplesOf(file);
    const second = await samplesOf(configured("second", { seeds: [2] }));
    expect(second.length).toBeGreaterThan(0);
    expect(second).not.toEqual(first);
    const remove = (start: string) => {
      for (const name of readdirSync(work))
        if (name.startsWith(start)) rmSync(path.join(work, name), { recursive: true });
    };
    // What is shown beside ours is there for the other seed only.
    remove("rgbd-s1");
    expect(await samplesOf(file)).toEqual(second);
    remove("one-stage-rgb-s2");
    expect((await samplesOf(file)).length).toBe(first.length);
    remove("one-stage-rgb-s1");
    expect(await samplesOf(file)).toEqual([]);
  });

  it("gives the same results in several processes, and after Ctrl-C", async () => {
    const few = configured("few", {
      seeds: [1],
      rows: rows.filter(({ id }) => ["only", "kd", "one-stage"].includes(id)),
      upper: null,
    });
    const args = ["compare", few, "--data", data, "--out", path.join(folder, "processes"), "--workers", "2"];
    const first = startProgram(bundle, args);
    await first.says(/epoch 1\/1/);
    first.kill("SIGINT");
    expect(await first.ended, first.said.err).toBe(130);
    // The processes it had started end by themselves.
    await sleep(1000);
    const second = startProgram(bundle, args);
    expect(await second.ended, second.said.err).toBe(0);
    for (const name of names("processes")) expect(cell("processes", name), name).toEqual(cell("whole", name));
    expect(names("processes")).toHaveLength(3);
    expect(existsSync(path.join(folder, "processes", "report.html"))).toBe(true);
  });

  it("ends with a message when the settings change under its processes", async () => {
    const few = configured("changed", {
      seeds: [1, 2, 3],
      rows: rows.slice(0, 1),
      baseline: null,
      upper: null,
      ours: "only",
    });
    const args = ["compare", few, "--data", data, "--out", path.join(folder, "changed"), "--workers", "2"];
    const running = startProgram(bundle, args);
    await running.says(/epoch 1\/1/);
    configured("changed", { ...JSON.parse(readFileSync(few, "utf8")), settings: { ...whole.settings, batch: 4 } });
    expect(await running.ended, running.said.err).toBe(2);
    expect(running.said.err).toMatch(
      /rgb-only-s\d: expected a result with these settings, got none \(did the configuration/,
    );
  });

  it("says that a loss was no number, and does not take it for 0", async () => {
    cpSync(path.join(folder, "whole"), path.join(folder, "no-number"), { recursive: true });
    const one = path.join(folder, "no-number", "cells", "rgb-one-stage-s1.json");
    const result = JSON.parse(readFileSync(one, "utf8"));
    result.metrics.nll = null;
    writeFileSync(one, JSON.stringify(result));
    expect((await compare(file, "no-number", "--report")).code).toBe(0);
    const report = readFileSync(path.join(folder, "no-number", "report.md"), "utf8");
    expect(report).toMatch(/\| Ours \|( [^|]+ \|){4} – \|/);
    expect(report).not.toContain("Its NLL is lower");
  });

  it("waits for a stage that another process trains", async () => {
    const args = (name: string) => [
      "compare",
      file,
      "--data",
      data,
      "--out",
      path.join(folder, "both"),
      "--cell",
      name,
    ];
    const both = ["rgb-kd-s1", "rgb-one-stage-s1"].map((name) => startProgram(bundle, args(name)));
    for (const one of both) expect(await one.ended, one.said.err).toBe(0);
    for (const name of names("both")) expect(cell("both", name)).toEqual(cell("whole", name));
    // Both need P; one of them has trained it.
    const times = both.filter(({ said }) => said.err.includes("privileged-depth: epoch 1/1")).length;
    expect(times).toBe(1);
  });

  it("learns from unlabelled images too, where a row says so", async () => {
    const more = { id: "more", method: "one-stage", settings: { extra: 4 } };
    const extra = configured("extra", {
      rows: [...rows.filter(({ id }) => id === "one-stage"), more],
      ...{ baseline: null, upper: null },
    });
    const alone = await compare(extra, "extra", "--list");
    expect(alone.err).toEqual(["--extra: expected --unlabelled beside it, got 4 alone"]);
    const { code, err } = await compare(extra, "extra", "--workers", "1", "--unlabelled", data);
    expect(code, err.join("\n")).toBe(0);
    expect(cell("extra", "rgb-one-stage-s1")).toEqual(cell("whole", "rgb-one-stage-s1"));
    // P is shared, the network itself is another one.
    expect(readdirSync(path.join(folder, "extra", "work"))).toHaveLength(2 * 3);
    expect(cell("extra", "rgb-more-s1")).not.toEqual({ ...cell("extra", "rgb-one-stage-s1"), row: "more" });
    const done = async (unlabelled: string) => {
      const { out } = await compare(extra, "extra", "--list", "--unlabelled", unlabelled);
      return [...out.matchAll(/\tdone\t(\S+)/g)].map(([, name]) => name);
    };
    // Images of another folder are other images; those of none are not asked for where they are not used.
    expect(await done(path.join(folder, "elsewhere", "data"))).toHaveLength(4);
    expect(await done(path.join(folder, "others"))).toEqual(["rgb-one-stage-s1", "rgb-one-stage-s2"]);
  });

  it("knows the weights that networks start from by what they are, not by where they lie", async () => {
    const [one, same, other] = ["one", "same", "other"].map((name) => path.join(folder, `${name}.safetensors`));
    for (const [file, bytes] of [
      [one!, "weights"],
      [same!, "weights"],
      [other!, "others"],
    ] as const) {
      writeFileSync(file, bytes);
    }
    const keys = async (pretrained: string) => {
      const settings = { ...whole.settings, model: "resnet18", pretrained };
      const { code, out, err } = await compare(
        configured("pretrained", { settings }),
        "pretrained",
        "--list",
        "--json",
      );
      return code !== 0 ? err.slice(-1) : JSON.parse(out).flatMap(({ stages }: { stages: string[] }) => stages);
    };
    const known = await keys(one!);
    expect(await keys(same!)).toEqual(known);
    for (const [i, key] of (await keys(other!)).entries()) expect(key).not.toBe(known[i]);
    expect((await keys(path.join(folder, "none.safetensors")))[0]).toMatch(/none\.safetensors: .+read the file/);
  });

  it.each([
    ["no JSON", "{", /expected JSON/],
    ["an unknown entry", { colour: 1 }, /expected one of title.+got colour/],
    ["an unknown method", { rows: [{ id: "a", method: "magic" }], ours: "a", baseline: null, upper: null }, /a method/],
    ["two rows of one name", { rows: [rows[0], rows[0]], ours: "only" }, /different ids/],
    [
      "a setting that no flag takes",
      { settings: { epochs: 0 } },
      /settings\.epochs: --epochs: expected .* from 1 to 100000, got "0"/,
    ],
    ["a setting that a comparison has of its own", { settings: { seed: 1 } }, /settings\.seed.+got seed/],
    ["a row that is not there", { ours: "best" }, /ours: expected the id of a row/],
    ["a head that there is not", { head: "both" }, /head: expected fused or averaged, got "both"/],
    ["one seed twice", { seeds: [1, 2, 1] }, /seeds: expected different seeds, got 1 twice/],
    ["one direction twice", { directions: ["rgb", "rgb"] }, /directions: expected different directions, got rgb twice/],
    [
      "a row with a dataset of its own",
      { rows: [{ ...rows[0], settings: { classWeights: "median" } }], ours: "only", baseline: null, upper: null },
      /settings\.classWeights: expected one of .+got classWeights/,
    ],
    ["no seeds", { seeds: [] }, /seeds: expected a list/],
  ])("refuses a configuration with %s", async (name, changes, message) => {
    const broken = configured("broken");
    writeFileSync(broken, typeof changes === "string" ? changes : JSON.stringify({ ...whole, ...changes }));
    const { code, err } = await compare(broken, "broken");
    expect(code, name).toBe(2);
    expect(err).toHaveLength(1);
    expect(err[0]).toMatch(message);
    expect(existsSync(path.join(folder, "broken"))).toBe(false);
    rmSync(broken);
  });

  it.each(readdirSync(configs))("can read configs/%s, and knows its methods and settings", async (name) => {
    const config = await readCompareConfig(path.join(configs, name));
    expect(config.about).not.toBeNull();
    for (const row of config.rows) {
      const settings = cellSettings(config, row, 1, { data, unlabelled: data });
      expect(stagesOf({ ...settings, methods: methodOf(row.method, config.directions[0]!) }).length).toBeGreaterThan(0);
      expect(settings).toMatchObject(row.settings);
    }
  });

  it("says which folder it cannot make", async () => {
    const taken = path.join(folder, "taken");
    writeFileSync(taken, "mine");
    const { code, err } = await compare(file, "taken", "--workers", "1");
    expect(code).toBe(2);
    expect(err.at(-1)).toMatch(/^.+taken.cells: cannot create the folder: /);
  });

  it("refuses a cell that is not there, and a number of workers that is none", async () => {
    expect((await compare(file, "none", "--cell", "12")).err[0]).toMatch(/--cell: expected a number from 0 to 11/);
    expect((await compare(file, "none", "--workers", "0")).err[0]).toMatch(/--workers: expected a whole number/);
  });
});
