import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { add, backward, dropout, matmul, mse, relu, slice } from "../../src/kernels/index.ts";
import { fill } from "../../src/kernels/strided.ts";
import { encoderConfig } from "../../src/model/encoder.ts";
import { Judge } from "../../src/model/judge.ts";
import { buildMethod, type NetworkConfig } from "../../src/model/methods.ts";
import { defaultWeights, singleObjective } from "../../src/model/objective.ts";
import { SingleNetwork } from "../../src/model/single.ts";
import { defaultTraining, type HostBatch, Trainer } from "../../src/model/train.ts";
import { Init } from "../../src/nn/module.ts";
import { Compiled } from "../../src/tensor/compile.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { Program } from "../../src/tensor/program.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scope, type Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

// Replayed steps in which no GPU object may be made.
const STEPS = Number(globalThis.process?.env.ONESTAGE_REPLAYS ?? 50);

let device: GpuDevice;
beforeAll(async () => {
  device = await testDevice();
});

const vector = (values: number[]) => device.upload(values, [values.length]).keep();

/** Counts the GPU objects made while `body` runs. */
async function madeDuring(body: () => Promise<void>): Promise<Record<string, number>> {
  const names = ["createBuffer", "createBindGroup", "createBindGroupLayout", "createComputePipeline"] as const;
  const all = [...names, "createShaderModule", "createQuerySet", "createTexture"] as const;
  const gpu = device.gpu as unknown as Record<string, (...args: unknown[]) => unknown>;
  const made: Record<string, number> = {};
  for (const name of all) {
    const original = gpu[name]!;
    gpu[name] = (...args) => {
      made[name] = (made[name] ?? 0) + 1;
      return original.apply(device.gpu, args);
    };
  }
  try {
    await body();
  } finally {
    for (const name of all) delete gpu[name];
  }
  return made;
}

describe("a recorded step", () => {
  it("computes the same again from new inputs, in place, with constants and live numbers", async () => {
    const x = vector([1, 2, 3]);
    const total = vector([0, 0, 0]);
    let seed = 1;
    const program = Program.record(device, () => {
      const doubled = add(x, x);
      const shifted = add(doubled, device.upload([10, 10, 10], [3]));
      const dropped = dropout(shifted, { p: 0.5, seed: () => seed });
      device.copy(shifted, total);
      return { shifted, dropped };
    });
    const { shifted, dropped } = program.result;
    program.run();
    expect([...(await shifted.read())]).toEqual([12, 14, 16]);
    const seen = new Set<string>();
    for (seed = 2; seed < 12; seed++) {
      device.write(x, [seed, 0, -1]);
      program.run();
      expect([...(await shifted.read())]).toEqual([10 + 2 * seed, 10, 8]);
      seen.add([...(await dropped.read())].map((v) => Number(v !== 0)).join(""));
      expect([...(await total.read())]).toEqual([10 + 2 * seed, 10, 8]);
    }
    expect(seen.size).toBeGreaterThan(2);
    program.dispose();
    expect(shifted.disposed).toBe(true);
    for (const tensor of [x, total]) tensor.dispose();
  });

  it("shares memory between tensors that are not needed at once, and gives it back", async () => {
    const before = device.pool.memory();
    const x = device.upload(new Float32Array(4096).fill(1), [4096]).keep();
    const program = Program.record(device, () => {
      let y = x as Tensor;
      for (let i = 0; i < 20; i++) y = add(y, x);
      return y;
    });
    expect(program.memory.naive).toBe(20 * 16384);
    expect(program.memory.planned).toBeLessThanOrEqual(3 * 16384);
    expect(program.memory.planned).toBeGreaterThanOrEqual(program.memory.leastPossible);
    program.run();
    expect((await program.result.read())[4095]).toBe(21);
    program.dispose();
    x.dispose();
    expect(device.pool.memory().liveBytes).toBe(before.liveBytes);
  });

  it("holds what its result's views and other programs still use", async () => {
    const before = device.pool.memory();
    const x = vector([1, 2]);
    const first = Program.record(device, () => add(x, x));
    const second = Program.record(device, () => add(first.result, x));
    const view = first.result.view([2, 1]).keep();
    first.run();
    first.dispose();
    const others = [1, 2, 3].map(() => vector([9, 9]));
    second.run();
    expect([...(await second.result.read())]).toEqual([3, 6]);
    expect([...(await view.read())]).toEqual([2, 4]);
    second.dispose();
    for (const tensor of [x, view, ...others]) tensor.dispose();
    expect(device.pool.memory().liveBytes).toBe(before.liveBytes);
  });

  it("binds the whole of a block that a shorter result lay in before", async () => {
    const x = device.upload(new Float32Array(256).fill(1), [256]).keep();
    // The last tensor comes to lie in the block of the first, which is longer.
    const program = Program.record(device, () => {
      const part = slice(add(x, x), [0], [4]);
      return add(part, part);
    });
    const { buffer } = device.bufferOf(program.result);
    expect(buffer.size).toBe(1024);
    program.run();
    fill(device, program.result, 0);
    program.dispose();
    const long = device.upload(new Float32Array(256), [256]).keep();
    expect(device.bufferOf(long).buffer).toBe(buffer);
    fill(device, long, 7);
    expect([...(await long.read())]).toEqual(new Array(256).fill(7));
    for (const tensor of [x, long]) tensor.dispose();
  });

  it("refuses what cannot be recorded", async () => {
    const x = vector([1]);
    const inside = (body: () => unknown) => () => Program.record(device, body);
    expect(inside(() => device.write(x, [2]))).toThrow("write: expected to be called outside of a recorded step");
    expect(inside(inside(() => x))).toThrow("record: expected no other step to be recorded");
    expect(inside(() => Promise.resolve())).toThrow("expected a synchronous function");
    const reading: Promise<unknown>[] = [];
    inside(() => void reading.push(expect(x.read()).rejects.toThrow("read: expected to be called outside")))();
    await Promise.all(reading);
    expect(device.recorder).toBeNull();
    const program = Program.record(device, () => add(x, x));
    program.dispose();
    program.dispose();
    expect(() => program.run()).toThrow("program: expected a live program, got a disposed one");
    x.dispose();
  });

  it("trains as eager steps do, gradients and all", async () => {
    const weights = [0.5, -1, 2, 0.25];
    const x = device.upload([1, 2, 3, 4], [2, 2]).keep();
    const y = device.upload([1, 0, 0, 1], [2, 2]).keep();
    const parameter = () => {
      const tensor = device.upload(weights, [2, 2]).keep();
      tensor.requiresGrad = true;
      return tensor;
    };
    const [eager, recorded] = [parameter(), parameter()];
    const gradient = (w: Tensor) => {
      backward(mse(relu(matmul(x, w)), y));
      const result = w.grad!;
      w.grad = null;
      return result;
    };
    const program = Program.record(device, () => gradient(recorded));
    for (let i = 0; i < 3; i++) program.run();
    const expected = scope(() => gradient(eager));
    expect(await program.result.read()).toEqual(await expected.read());
    program.dispose();
    for (const tensor of [x, y, eager, recorded, expected]) tensor.dispose();
  });
});

describe("a compiled function", () => {
  it("records once for each set of shapes, and forgets the one used longest ago", async () => {
    const before = device.pool.memory().liveBytes;
    let recorded = 0;
    const compiled = new Compiled(device, ({ x }: { x: Tensor }) => {
      recorded++;
      return add(x, x);
    });
    const call = async (values: number[]) => [
      ...(await compiled.run({ x: { data: values, shape: [values.length] } }).read()),
    ];
    expect(await call([1, 2])).toEqual([2, 4]);
    expect(await call([3, 4])).toEqual([6, 8]);
    expect(await call([5])).toEqual([10]);
    expect(recorded).toBe(2);
    expect(await call([1, 1])).toEqual([2, 2]);
    expect(await call([1, 2, 3])).toEqual([2, 4, 6]);
    expect(await call([0, 7])).toEqual([0, 14]);
    expect(recorded).toBe(3);
    expect(await call([5])).toEqual([10]);
    expect(recorded).toBe(4);
    compiled.dispose();
    expect(device.pool.memory().liveBytes).toBe(before);
  });

  it("leaves nothing behind where its body fails", () => {
    const before = device.pool.memory().liveBytes;
    const compiled = new Compiled(device, ({ x }: { x: Tensor }) => {
      device.upload([1], [1]);
      return matmul(x, x);
    });
    expect(() => compiled.run({ x: { data: [1, 2, 3, 4, 5, 6], shape: [2, 3] } })).toThrow("matmul");
    expect(device.pool.memory().liveBytes).toBe(before);
    expect(device.recorder).toBeNull();
  });
});

describe("training", () => {
  const classes = 3;
  const side = 16;
  const config: NetworkConfig = {
    model: "tiny",
    classes,
    fusion: "deep",
    normalise: true,
    privileged: "frozen",
    weights: defaultWeights,
  };
  const batchOf = (step: number, size = 4): HostBatch => {
    const rng = new Rng(7, step);
    const values = (length: number) => Float32Array.from({ length }, () => rng.uniform(-1, 1));
    return {
      size,
      height: side,
      width: side,
      rgb: values(size * side * side * 3),
      depth: values(size * side * side),
      target: Uint32Array.from({ length: size }, () => rng.int(classes)),
    };
  };
  const open = (replay: boolean, accumulate = 1) => {
    const rng = new Rng(3);
    const privileged = buildMethod("privileged-depth", device, rng.fork("p"), config);
    const method = buildMethod("one-stage-rgb", device, rng.fork("network"), config, { privileged });
    const trainer = new Trainer(device, method, { ...defaultTraining(40), replay, accumulate }, rng.fork("train"));
    return { trainer, all: [trainer, method.network, privileged.network] };
  };
  const opened: { dispose(): void }[] = [];
  afterAll(() => {
    for (const one of opened) one.dispose();
  });

  it("gives the same bits replayed and eager, batch sizes mixed", async () => {
    const runs = [true, false].map((replay) => open(replay));
    opened.push(...runs.flatMap(({ all }) => all));
    const [replayed, eager] = runs.map(({ trainer }) => trainer) as [Trainer, Trainer];
    for (let step = 0; step < 6; step++) {
      const batch = batchOf(step, step === 3 ? 3 : 4);
      expect(await replayed.step(batch)).toEqual(await eager.step(batch));
    }
    expect(await replayed.state()).toEqual(await eager.state());
  });

  it("adds up the gradients of parts of a batch, replayed and eager alike", async () => {
    const runs = [open(true, 2), open(false, 2)];
    opened.push(...runs.flatMap(({ all }) => all));
    const [replayed, eager] = runs.map(({ trainer }) => trainer) as [Trainer, Trainer];
    for (let step = 0; step < 3; step++) {
      expect(await replayed.step(batchOf(step, 6))).toEqual(await eager.step(batchOf(step, 6)));
    }
    expect(await replayed.state()).toEqual(await eager.state());
    expect(() => replayed.submit(batchOf(0, 3))).toThrow(
      "accumulate: expected a divisor of the batch of 3 images, got 2",
    );
  });

  it("takes the same step in one round and in two of the same images, but for dropout", async () => {
    // Two equal halves have the statistics of the whole, so that every mean over images is the same.
    const half = batchOf(1, 4);
    const twice = <A extends Float32Array | Uint32Array>(all: A) =>
      Object.assign(new (all.constructor as new (n: number) => A)(2 * all.length), { ...[...all, ...all] });
    const whole = { ...half, size: 8, rgb: twice(half.rgb), depth: twice(half.depth), target: twice(half.target) };
    const method = { ...encoderConfig("tiny"), dropout: 0 };
    const run = async (accumulate: number) => {
      const init = new Init(device, new Rng(9));
      const network = new SingleNetwork(init, 3, classes, method);
      const judge = new Judge(init, null, 0);
      const unused = () => {
        throw new Error("not used");
      };
      const trainer = new Trainer(
        device,
        {
          ...{
            name: "rgb-only",
            task: "classify",
            seen: "rgb",
            half: false,
            network,
            trained: new Map([["network", network]]),
          },
          loss: (batch, pass) => singleObjective(network.forward(batch.rgb!, pass), batch.target!, judge),
          teach: unused,
          predict: unused,
        },
        { ...defaultTraining(40), accumulate },
        new Rng(1),
      );
      opened.push(trainer, network);
      return trainer.step(whole);
    };
    const [one, two] = [await run(1), await run(2)];
    expect(two.losses.total).toBeCloseTo(one.losses.total!, 5);
    expect(two.gradientNorm).toBeCloseTo(one.gradientNorm, 4);
    expect(two.correct).toBe(one.correct);
  });

  it("creates no GPU object and makes one submit a step from the second step on; memory stays", async () => {
    const { trainer, all } = open(true);
    opened.push(...all);
    const batches = Array.from({ length: 4 }, (_, i) => batchOf(i));
    const first = await madeDuring(async () => void (await trainer.step(batches[0]!)));
    expect(first.createBuffer).toBeGreaterThan(10);
    expect(first.createBindGroup).toBeGreaterThan(100);
    await trainer.step(batches[1]!);
    const memory = device.pool.memory();
    const before = device.stream.counters.submits;
    const bursts = Math.ceil(STEPS / 50);
    const made = await madeDuring(async () => {
      for (let burst = 0; burst < bursts; burst++) {
        for (let step = 0; step < 50; step++) trainer.submit(batches[step % 4]!);
        const reports = await trainer.reports();
        expect(reports.map(({ step }) => step)).toEqual(Array.from({ length: 50 }, (_, i) => 50 * burst + i + 2));
        expect(reports.every(({ losses }) => Number.isFinite(losses.total))).toBe(true);
      }
    });
    expect(made).toEqual({});
    // And one for each time that the reports are read.
    expect(device.stream.counters.submits - before).toBe(51 * bursts);
    expect(device.pool.memory()).toEqual(memory);
    const { naive, planned } = trainer.program(batches[0]!).memory;
    expect(planned).toBeLessThan(0.5 * naive);
  });

  it("says when reports are never read", () => {
    const { trainer, all } = open(true);
    opened.push(...all);
    const batch = batchOf(0, 2);
    for (let step = 0; step < 64; step++) trainer.submit(batch);
    expect(() => trainer.submit(batch)).toThrow("trainer: expected reports() at least every 64 steps, got 64 without");
  });
});

it("reads the same size again through the same buffer, whatever sizes were read before", async () => {
  const tensors = Array.from({ length: 12 }, (_, i) => vector(new Array(64 * (i + 1)).fill(0)));
  for (const x of tensors) await x.read();
  const last = tensors.at(-1)!;
  expect(await madeDuring(async () => void (await last.read()))).toEqual({});
  for (const x of tensors) x.dispose();
});

describe("copies of a result to its place", () => {
  const slots = () => {
    const flat = device.upload(new Float32Array(192), [192]).keep();
    return { flat, parts: [0, 64, 128].map((offset) => device.slice(flat, offset, [3]).keep()) };
  };
  const copiesOf = ({ commands }: Program) => commands.filter((command) => !("dispatch" in command)).length;

  it("are left out where the result may be written there at once", async () => {
    const { flat, parts } = slots();
    const x = vector([1, 2, 3]);
    const program = Program.record(device, () => {
      device.copy(add(x, x), parts[0]!);
      device.copy(add(add(x, x), x), parts[2]!);
      return add(flat, flat);
    });
    expect(copiesOf(program)).toBe(0);
    program.run();
    const said = await program.result.read();
    expect([...said.subarray(0, 3), said[64], ...said.subarray(128, 131)]).toEqual([4, 8, 12, 0, 6, 12, 18]);
    program.dispose();
    for (const tensor of [flat, x, ...parts]) tensor.dispose();
  });

  it("stay where the result is read, the place is in use, or it is written twice", async () => {
    const { flat, parts } = slots();
    const x = vector([1, 2, 3]);
    const program = Program.record(device, () => {
      const twice = add(x, x);
      const read = add(twice, parts[1]!);
      device.copy(twice, parts[0]!);
      device.copy(read, parts[1]!);
      device.copy(add(x, add(x, x)), parts[2]!);
      device.copy(add(x, add(x, add(x, x))), parts[2]!);
      return add(flat, flat);
    });
    expect(copiesOf(program)).toBe(3);
    for (const [run, second] of [
      [2, 4, 6],
      [4, 8, 12],
    ].entries()) {
      program.run();
      const said = await program.result.read();
      expect([...said.subarray(0, 3)], `run ${run}`).toEqual([4, 8, 12]);
      expect([...said.subarray(64, 67)]).toEqual(second.map((v) => 2 * v));
      expect([...said.subarray(128, 131)]).toEqual([8, 16, 24]);
    }
    program.dispose();
    for (const tensor of [flat, x, ...parts]) tensor.dispose();
  });
});
