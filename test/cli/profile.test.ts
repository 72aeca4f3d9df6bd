import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { TraceEvent } from "../../src/tensor/trace.ts";
import { testDevice } from "../device.ts";
import { cli, cliWith, temporaryFolder } from "./harness.ts";

const folder = temporaryFolder();
const small = ["--method", "one-stage-rgb", "--batch", "4", "--size", "16", "--steps", "1"];

describe("onestage profile", () => {
  it("prints a table by op, and what else the step costs", async () => {
    const { code, out, err } = await cli("profile", ...small);
    expect(code, err.join("\n")).toBe(0);
    expect(out).toMatch(/^one-stage-rgb, tiny \(classify\), training step, 4 images of 16×16\n/);
    expect(out).toMatch(/^ceilings of this adapter: [\d.]+ GFLOP\/s .+, [\d.]+ GB\/s \(copy\)$/m);
    expect(out).toMatch(/^op +ms +% +count +GFLOP\/s +GB\/s +of ceiling +bound by$/m);
    for (const name of ["conv2d", "conv2d gradient", "batchNorm gradient", "mmd", "adamw"]) {
      expect(out).toMatch(new RegExp(`^${name} +[\\d.]+ +[\\d.]+% +\\d+ `, "m"));
    }
    expect(out).toMatch(/^total +[\d.]+ +100\.0% +\d+ +[\d.]+ +[\d.]+ +[\d.]+% +(compute|memory|dispatch)$/m);
    expect(out).toMatch(/MiB planned by lifetime/);
    expect(out).toMatch(/pipelines: [\d.]+ ms to make them/);
  });

  it("writes JSON in which every dispatch has its layer, and a trace of them", async () => {
    const trace = path.join(folder, "trace.json");
    const { code, out, err } = await cli("profile", ...small, "--json", "--trace", trace);
    expect(code, err.join("\n")).toBe(0);
    const { spans, groups, total, settings, memory } = JSON.parse(out);
    expect(settings).toMatchObject({ method: "one-stage-rgb", batch: 4, size: 16 });
    expect(total.count).toBe(spans.length);
    expect(memory.planned).toBeLessThan(memory.naive);
    const layers = new Set(spans.map(({ layer }: { layer: string }) => layer));
    for (const layer of ["a.conv1", "h.layer2.0.conv1", "ctn.0.mix", "privileged.encoder.layer1.0.bn1", "head_f.fc"]) {
      expect([...layers]).toContain(layer);
    }
    // Every convolution of the network is named, forwards and backwards.
    const convolutions = spans.filter(({ op }: { op: string }) => op === "conv2d");
    expect(convolutions.filter(({ layer }: { layer: string }) => layer === "")).toEqual([]);
    expect(convolutions.some(({ gradient }: { gradient: boolean }) => gradient)).toBe(true);
    expect(Object.keys(groups)).toEqual(["op", "layer", "shape", "kernel"]);
    const { traceEvents } = JSON.parse(readFileSync(trace, "utf8")) as { traceEvents: TraceEvent[] };
    expect(traceEvents.filter(({ ph, tid }) => ph === "X" && tid === 1)).toHaveLength(spans.length);
    rmSync(trace);
  });

  it.each([
    ["images", ["--infer", "--by", "kernel"], /^kernel +ms/m],
    ["pixels", ["--infer", "--task", "segment", "--by", "shape"], /^conv2d 4×/m],
  ])("profiles a prediction of %s", async (_, flags, expected) => {
    const { code, out, err } = await cli("profile", ...small, ...flags);
    expect(code, err.join("\n")).toBe(0);
    expect(out).toMatch(/prediction, 4 images/);
    expect(out).toMatch(expected);
    expect(out).not.toMatch(/gradient/);
  });

  it("leaves nothing on the device", async () => {
    const device = await testDevice();
    const before = device.pool.memory();
    await cli("profile", ...small);
    const after = device.pool.memory();
    expect([after.liveBytes, after.liveBuffers]).toEqual([before.liveBytes, before.liveBuffers]);
  });

  it.each([
    [["--by", "colour"], /--by: expected one of op, layer, shape, kernel, got "colour"/],
    [["--method", "magic"], /--method: expected one of .+, got "magic"/],
    [["--model", "huge"], /--model: expected one of tiny, small, resnet18-se, resnet18, .+, got "huge"/],
    [["--steps", "0"], /--steps: expected a whole number from 1 to 1000, got "0"/],
    [["--batch", "many"], /--batch: expected a whole number/],
    [["--trace", path.join(folder, "missing", "trace.json")], /missing.*trace\.json/],
  ])("refuses %j in one line", async (flags, message) => {
    const { code, out, err } = await cli("profile", ...small, ...flags);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toHaveLength(1);
    expect(err[0]).toMatch(message);
    expect(existsSync(path.join(folder, "missing"))).toBe(false);
  });

  it("ends when the user wants it to", async () => {
    const abort = new AbortController();
    abort.abort();
    expect(await cliWith({ signal: abort.signal }, "profile", ...small)).toMatchObject({ code: 130, out: "" });
  });
});
