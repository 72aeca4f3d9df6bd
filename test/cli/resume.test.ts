import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "./harness.ts";
import { bundledProgram, startProgram } from "./process.ts";

const folder = temporaryFolder();
const whole = path.join(folder, "whole");
const flags = "train --size 16 --scenes 48,16,16 --batch 8 --epochs 2 --seed 5".split(" ");
const methods = ["--methods", "rgb-only,one-stage-rgb"];
const bundle = bundledProgram();

const start = (...args: string[]) => startProgram(bundle, args);
const train = (out: string) => start(...flags, ...methods, "--out", out);
const resume = (out: string) => start("train", "--resume", "--out", out);
const sha256 = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** The lines of metrics.jsonl without what depends on the clock. */
function metrics(run: string): object[] {
  const lines = readFileSync(path.join(run, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => ({ ...JSON.parse(line), seconds: 0, samplesPerSecond: 0 }));
}

/** Compares a finished run with one that was never interrupted. */
function expectSameAsWhole(run: string, story: string): void {
  expect(sha256(path.join(run, "model.safetensors")), story).toBe(sha256(path.join(whole, "model.safetensors")));
  expect(metrics(run), story).toEqual(metrics(whole));
  expect(readdirSync(run).sort(), story).toEqual(readdirSync(whole).sort());
  const scores = (of: string) =>
    JSON.parse(readFileSync(path.join(of, "results.json"), "utf8")).networks.map(
      ({ seconds: _, ...network }: { seconds: number }) => network,
    );
  expect(scores(run), story).toEqual(scores(whole));
}

// Of the whole run, and of what comes behind its first epoch, in milliseconds.
let duration = 0;
let rest = 0;

beforeAll(async () => {
  const began = performance.now();
  const program = train(whole);
  await program.says(/stage 1\/3/);
  const epoch = performance.now();
  expect(await program.ended, program.said.err).toBe(0);
  rest = performance.now() - epoch;
  duration = performance.now() - began;
}, 180_000);

describe("a run that is broken off goes on to the very same end", { timeout: 300_000 }, () => {
  it("after Ctrl-C, which saves and says how to go on", async () => {
    const out = path.join(folder, "interrupted");
    const first = train(out);
    await first.says(/stage 1\/3/);
    await sleep(Math.random() * 0.5 * rest);
    first.kill("SIGINT");
    expect(await first.ended, first.said.err).toBe(130);
    expect(first.said.err).toMatch(/onestage: interrupted; saved in .+, to go on: onestage train --resume --out .+\n$/);
    expect(first.said.out).toBe("");
    expect(existsSync(path.join(out, "model.safetensors"))).toBe(false);
    expect(existsSync(path.join(out, ".lock"))).toBe(false);
    expect(readdirSync(path.join(out, "checkpoints"))).not.toEqual([]);
    const second = resume(out);
    expect(await second.ended, second.said.err).toBe(0);
    expectSameAsWhole(out, first.said.err + second.said.err);
  });

  it("after kill -9, again and again, at any moment", async () => {
    const out = path.join(folder, "killed");
    let story = "";
    let kills = 0;
    for (let program = train(out); ; program = existsSync(path.join(out, "config.json")) ? resume(out) : train(out)) {
      const moment = Math.random() * 0.9 * duration;
      const killed = kills < 4 && (await Promise.race([program.ended.then(() => false), sleep(moment, true)]));
      if (killed) {
        program.kill("SIGKILL");
        kills++;
      }
      const code = await program.ended;
      story += `${program.said.err}${code} after ${Math.round(moment)} ms\n`;
      if (code === 0) break;
      expect(code, story).toBe("SIGKILL");
    }
    expect(kills, story).toBeGreaterThan(0);
    expectSameAsWhole(out, story);
  });

  it("while no other process may train into its folder", async () => {
    const out = path.join(folder, "shared");
    const first = train(out);
    await first.says(/3 networks on/);
    first.kill("SIGSTOP");
    const second = resume(out);
    expect(await second.ended).toBe(2);
    expect(second.said.err).toMatch(
      /^onestage: .+shared: expected a folder that nobody trains into, got one that process \d+ trains into\n$/,
    );
    first.kill("SIGCONT");
    first.kill("SIGTERM");
    expect(await first.ended, first.said.err).toBe(130);
  });
});

describe("the real program", () => {
  it("says in one line that it knows no such flag, and ends with 2", async () => {
    const { said, ended } = start("start", "--sed", "3");
    expect(await ended).toBe(2);
    expect(said).toEqual({ out: "", err: "onestage: unknown option '--sed' (Did you mean --seed?)\n" });
  });

  it.runIf(process.platform === "linux")("says in one line that there is no adapter, and writes nothing", async () => {
    const out = path.join(folder, "none");
    const nowhere = path.join(folder, "nowhere");
    const environment = { VK_DRIVER_FILES: nowhere, VK_ICD_FILENAMES: nowhere, LD_LIBRARY_PATH: "" };
    const { said, ended } = startProgram(bundle, [...flags, "--out", out], environment);
    expect(await ended).toBe(2);
    expect(said.out).toBe("");
    // Without a Vulkan loader Dawn adds words of its own.
    const ours = said.err.split("\n").filter((line) => line.startsWith("onestage: "));
    expect(ours).toHaveLength(1);
    expect(ours[0]).toMatch(/^onestage: WebGPU: expected an adapter .+, got none$/);
    expect(existsSync(out)).toBe(false);
  });

  it("prints exactly one JSON object on stdout", async () => {
    const { said, ended } = start("eval", "--run", whole, "--json");
    expect(await ended).toBe(0);
    expect(said.out.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(said.out)).toMatchObject({ samples: 16, modality: "rgb" });
  });
});
