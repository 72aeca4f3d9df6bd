import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseResult, type Result } from "../../bench/result.ts";
import { bundledProgram, startProgram } from "../cli/process.ts";

const bundle = bundledProgram("bench");
const folder = mkdtempSync(path.join(tmpdir(), "onestage-bench-"));
const file = (name: string) => path.join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function bench(...args: string[]) {
  const { said, ended } = startProgram(bundle, args);
  return { code: await ended, ...said };
}

const small = ["--filter", "kernel matmul 64x512x10", "--rounds", "3", "--budget", "0.05"];

describe("a real run of one small kernel", () => {
  it("prints it, writes JSON and a page, and agrees with itself", async () => {
    const { code, out, err } = await bench(...small, "--json", file("a.json"), "--html", file("a.html"));
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/^ceilings .*FLOP\/s/m);
    expect(out).toMatch(/^matmul 64x512x10 +[\d.]+ /m);
    const result = parseResult(readFileSync(file("a.json"), "utf8"), "a.json");
    expect(result.rows.map(({ name }) => name)).toEqual(["matmul 64x512x10", "matmul 64x512x10 backward"]);
    for (const row of result.rows) {
      expect(row.wall.n).toBe(3);
      expect(row.wall.median).toBeGreaterThan(0);
      expect(row.first).toBeGreaterThan(0);
      expect(row.submits).toBe(1);
    }
    const [forward, backward] = result.rows;
    expect([forward!.dispatches, forward!.buffers]).toEqual([1, 0]);
    expect(backward!.flops).toBe(2 * forward!.flops!);
    expect(result.ceilings!.flops).toBeGreaterThan(1e8);
    expect(result.facts.versions.webgpu).toMatch(/^\d+\.\d+\.\d+$/);
    expect(result.facts.adapter.limits.maxBufferSize).toBeGreaterThan(0);
    expect(result.facts.toggles.length).toBeGreaterThan(0);
    expect(readFileSync(file("a.html"), "utf8")).toContain("matmul 64x512x10 backward");
  });

  it("fails on a regression only when asked to", async () => {
    const before: Result = parseResult(readFileSync(file("a.json"), "utf8"), "a.json");
    for (const { wall, gpu } of before.rows) {
      for (const summary of [wall, gpu])
        if (summary) Object.assign(summary, { median: summary.median / 100, spread: 0 });
    }
    writeFileSync(file("fast.json"), JSON.stringify(before));
    const { code, out } = await bench(...small, "--compare", file("fast.json"), "--fail");
    expect(out).toContain("SLOWER");
    expect(code).toBe(1);
    const tolerant = await bench(...small, "--compare", file("fast.json"));
    expect(tolerant.code).toBe(0);
  });
});

describe("the command line", () => {
  it("explains itself with an example", async () => {
    const { code, out } = await bench("--help");
    expect(code).toBe(0);
    expect(out).toContain("$ npm run bench -- --filter conv2d");
  });

  it("names the cases without opening a device", async () => {
    const { code, out } = await bench("--list", "--filter", "train resnet18x2");
    expect(code).toBe(0);
    expect(out.trim().split("\n")).toEqual(
      ["eager", "replayed", "tuned", "unfused"].map((way) => `train resnet18x2 16x64x64 ${way}`),
    );
  });

  it("has a short choice with a case of each kind", async () => {
    const { out } = await bench("--list", "--short");
    const kinds = new Set(
      out
        .trim()
        .split("\n")
        .map((line) => line.split(" ")[1]),
    );
    expect([...kinds]).toEqual(["matmul", "conv2d", "batchNorm", "relu", "sum", "softmax", "mmd"]);
  });

  it.each([
    ["--rounds", "0"],
    ["--rounds", "2.5"],
    ["--budget", "-1"],
    ["--budget", ""],
    ["--filter", "no such case"],
    ["--peers", "--filter", "no such case"],
    ["--peers", "jax-js,nobody"],
    ["--compare", "missing.json"],
    ["--json", "missing/folder/a.json"],
    ["--fail"],
    ["--peers", "--scaling"],
    ["--web", "--filter", "matmul"],
    ["--short", "--scaling"],
    ["--unknown"],
    ["excess"],
  ])("ends with one line and exit code 2: %s %s %s", async (...args) => {
    const { code, out, err } = await bench(...args.filter((arg) => arg !== undefined));
    expect(err).toMatch(/^bench: [^\n]+\n$/);
    expect(out).toBe("");
    expect(code).toBe(2);
  });
});
