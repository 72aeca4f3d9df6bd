import { describe, expect, it } from "vitest";
import { backward } from "../../src/kernels/backward.ts";
import { add } from "../../src/kernels/binary.ts";
import { conv2d } from "../../src/kernels/conv2d.ts";
import { matmul } from "../../src/kernels/matmul.ts";
import { mean } from "../../src/kernels/reduce.ts";
import { reshape } from "../../src/kernels/shape.ts";
import { relu } from "../../src/kernels/unary.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { inLayer } from "../../src/tensor/origin.ts";
import { profileProgram } from "../../src/tensor/profiler.ts";
import { Program } from "../../src/tensor/program.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

/** A convolution, a product and their gradients: recorded, with the outside tensors to free. */
function smallStep(device: GpuDevice): { program: Program<Tensor[]>; dispose(): void } {
  const rng = new Rng(5);
  const made: Tensor[] = [];
  const normal = (...shape: number[]) => {
    const data = new Float32Array(shape.reduce((size, extent) => size * extent, 1));
    rng.fillNormal(data, 1);
    made.push(device.upload(data, shape).keep());
    return made.at(-1)!;
  };
  const [x, filter, weight] = [normal(2, 8, 8, 4), normal(3, 3, 4, 8), normal(512, 12)];
  for (const tensor of [filter, weight]) tensor.requiresGrad = true;
  const kept = device.upload(new Float32Array(filter.size), filter.shape).keep();
  made.push(kept);
  const program = Program.record(device, () => {
    const hidden = inLayer("stem", () => relu(conv2d(x, filter, null, { padding: 1 })));
    const y = inLayer("head", () => matmul(reshape(hidden, [2, 512]), weight));
    const loss = mean(add(y, y));
    backward(loss);
    device.copy(filter.grad!, kept);
    return [loss, y, filter.grad!.detach(), weight.grad!.detach()];
  });
  return {
    program,
    dispose() {
      program.dispose();
      for (const tensor of made) tensor.dispose();
    },
  };
}

const bits = async (device: GpuDevice, tensors: readonly Tensor[]) =>
  (await device.readMany(tensors)).map((values) => Array.from(new Uint32Array(values.buffer)));

/** The device as it would be without timestamps. */
function withoutTimestamps(device: GpuDevice): GpuDevice {
  const features = new Set([...device.gpu.features].filter((name) => name !== "timestamp-query"));
  const gpu = new Proxy(device.gpu, {
    get: (target, name) => {
      if (name === "features") return features;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return new Proxy(device, {
    get: (target, name) => {
      if (name === "gpu") return gpu;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("profiling a recorded step", () => {
  it("accounts for every dispatch, with op, layer, shape and cost", async () => {
    const device = await testDevice();
    const { program, dispose } = smallStep(device);
    const { spans } = await profileProgram(program, { runs: 3 });
    const dispatches = program.commands.filter((command) => "dispatch" in command);
    expect(spans.filter(({ kernel }) => kernel !== "copy").map(({ kernel }) => kernel)).toEqual(
      dispatches.map((command) => ("dispatch" in command ? command.dispatch.pipeline.label : "")),
    );
    const flopsOf = (op: string, gradient: boolean) =>
      spans.filter((span) => span.op === op && span.gradient === gradient).reduce((sum, { flops }) => sum + flops, 0);
    // 2 · (2·8·8 positions) · 8 filters · (3·3 taps) · 4 channels; only the filter's gradient is wanted.
    const convolution = 2 * 128 * 8 * 9 * 4;
    expect(flopsOf("conv2d", false)).toBeCloseTo(convolution, 0);
    expect(flopsOf("conv2d", true)).toBeCloseTo(convolution, 0);
    // 2 · 2 · 512 · 12, and the same again for each of the two gradients.
    expect(flopsOf("matmul", false)).toBeCloseTo(2 * 2 * 512 * 12, 0);
    expect(flopsOf("matmul", true)).toBeCloseTo(2 * 2 * 2 * 512 * 12, 0);
    const named = (layer: string) => new Set(spans.filter((span) => span.layer === layer).map(({ op }) => op));
    expect([...named("stem")].sort()).toEqual(["conv2d", "relu"]);
    // y is read twice: its two gradients are added up.
    expect([...named("head")]).toEqual(["matmul", "accumulate"]);
    const forward = spans.find(({ op, gradient }) => op === "matmul" && !gradient)!;
    expect(forward).toMatchObject({ shape: "2×512 · 512×12 → 2×12", bytes: 4 * (2 * 512 + 512 * 12 + 2 * 12) });
    dispose();
  });

  it("gives times that fit together", async () => {
    const device = await testDevice();
    const { program, dispose } = smallStep(device);
    const { spans, plain, profiled, host, source, compile } = await profileProgram(program, { runs: 3 });
    expect(source).toBe(device.gpu.features.has("timestamp-query") ? "timestamps" : "wall time");
    for (const { seconds, fastest, begin, end } of spans) {
      expect(seconds).toBeGreaterThanOrEqual(fastest);
      expect(fastest).toBeGreaterThanOrEqual(0);
      expect(end).toBeGreaterThanOrEqual(begin);
    }
    for (const [i, { begin }] of spans.entries()) if (i > 0) expect(begin).toBeGreaterThanOrEqual(spans[i - 1]!.begin);
    const shown = spans.reduce((sum, { begin, end }) => sum + end - begin, 0);
    expect(shown).toBeGreaterThan(0);
    // Passes may not overlap by more than the clock's step.
    expect(shown).toBeLessThanOrEqual(1.01 * spans.at(-1)!.end + 1e-4);
    for (const time of [plain, profiled]) expect(time).toBeGreaterThan(0);
    // A browser's clock goes in steps of 100 µs, which JavaScript may not need.
    expect(host).toBeGreaterThanOrEqual(0);
    const kernels = new Set(spans.map(({ kernel }) => kernel).filter((kernel) => kernel !== "copy"));
    expect(new Set(compile.map(({ kernel }) => kernel))).toEqual(kernels);
    dispose();
  });

  it.each([
    ["with timestamps", (device: GpuDevice) => device],
    ["without", withoutTimestamps],
  ])("changes no bit of the results, and leaves the program as it was, %s", async (_, change) => {
    const device = await testDevice();
    const { program, dispose } = smallStep(device);
    program.run();
    const expected = await bits(device, program.result);
    const before = program.encode;
    const seen = new Proxy(program, {
      get: (target, name) => {
        if (name === "device") return change(device);
        const value = Reflect.get(target, name, target);
        return typeof value === "function" && name !== "encode" ? value.bind(target) : value;
      },
      set: (target, name, value) => Reflect.set(target, name, value, target),
    });
    let steps = 0;
    const step = async () => {
      steps++;
      program.run();
      expect(await bits(device, program.result)).toEqual(expected);
    };
    const profile = await profileProgram(seen, { runs: 2, step });
    expect(steps).toBeGreaterThanOrEqual(1);
    expect(await bits(device, program.result)).toEqual(expected);
    expect(program.encode).toBe(before);
    if (change === withoutTimestamps) {
      expect(profile.source).toBe("wall time");
      expect(profile.notes.join()).toMatch(/wall time/);
    }
    expect(profile.spans.every(({ seconds }) => seconds >= 0)).toBe(true);
    dispose();
  });

  it("refuses runs that are none, and steps that do not run the program", async () => {
    const device = await testDevice();
    const { program, dispose } = smallStep(device);
    await expect(profileProgram(program, { runs: 0 })).rejects.toThrow("expected at least one run, got 0");
    await expect(profileProgram(program, { runs: 1.5 })).rejects.toThrow("got 1.5");
    if (device.gpu.features.has("timestamp-query")) {
      await expect(profileProgram(program, { step: () => {} })).rejects.toThrow("expected a step to run the program");
    }
    dispose();
  });
});
