import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TunedStore } from "../../src/data/node/tuned.ts";
import { adapterKey, type KernelChoices, useChoices } from "../../src/tensor/choices.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import type { TunedJob } from "../../src/tensor/tune.ts";
import { families } from "../../src/tensor/variant.ts";
import { VERSION } from "../../src/tensor/version.ts";
import { testDevice } from "../device.ts";
import { cli, cliWith, temporaryFolder, writeDataset } from "./harness.ts";

const folder = temporaryFolder();
const data = path.join(folder, "data");
const cache = path.join(folder, "cache");
const store = new TunedStore(path.join(cache, "kernels"), VERSION);
const shape = ["--data", data, "--methods", "rgb-only", "--batch", "2"];

let device: GpuDevice;
let adapter: string;
/** Pins for every family but that of convolution, so that little is left to measure. */
let others: string[];
let tuned: TunedJob[];

const onestage = (...argv: string[]) => cliWith({ env: { ONESTAGE_CACHE: cache } }, ...argv);
const trainInto = (out: string, ...more: string[]) =>
  onestage("train", ...shape, "--epochs", "2", "--out", path.join(folder, out), ...more);
const weights = (run: string) => readFileSync(path.join(folder, run, "model.safetensors"));
const kernelsOf = (run: string): KernelChoices =>
  JSON.parse(readFileSync(path.join(folder, run, "config.json"), "utf8")).kernels;
const aboutKernels = (err: string[]) => err.filter((line) => /in force|kernel choices/.test(line));
const inForce = () => [Object.fromEntries(device.choices), Object.fromEntries(device.pinned)];

/** Gives every stored job a mark, which it loses when it is measured again. */
async function mark(): Promise<void> {
  await store.update(adapter, ({ jobs, pins }) => ({
    pins,
    jobs: Object.fromEntries(
      Object.values(jobs).map((job) => [job.key, { ...job, seconds: { ...job.seconds, mark: 1 } }]),
    ),
  }));
}

/** Makes every choice one that nobody would have without a store. */
async function chooseOthers(): Promise<void> {
  await store.update(adapter, ({ jobs, pins }) => ({
    pins,
    jobs: Object.fromEntries(
      Object.values(jobs).map((job) => {
        const chosen = Object.keys(job.seconds).findLast((variant) => variant !== job.preferred && variant !== "mark")!;
        return [job.key, { ...job, chosen }];
      }),
    ),
  }));
}

beforeAll(async () => {
  device = await testDevice();
  adapter = adapterKey(device);
  writeDataset(data, { splits: { train: 2, val: 1 } });
  const names = [...families().keys()].filter((name) => name !== "conv2d" && !name.includes(" "));
  others = names.map((name) => `${name}=${families().get(name)!.names[0]}`);
  const said = await onestage("tune", ...others.flatMap((pin) => ["--pin", pin]), "--json");
  expect(said.code, said.err.join("\n")).toBe(0);
  expect(Object.entries(JSON.parse(said.out).pins).map((pin) => pin.join("="))).toEqual(others);
  const found = await onestage("tune", ...shape, "--infer", "--json");
  expect(found.code, found.err.join("\n")).toBe(0);
  const { tuned: jobs, ...about } = JSON.parse(found.out);
  expect(about).toEqual({ adapter, version: VERSION, file: store.file(adapter) });
  tuned = jobs;
}, 120_000);

afterAll(() => useChoices(device, null));

describe("onestage tune", () => {
  it("measures each job that no family is pinned for, in the sizes of training and of prediction", () => {
    expect(tuned.length).toBeGreaterThan(10);
    for (const { key, preferred, chosen, seconds } of tuned) {
      expect(key).toMatch(/^conv2d n=2 /);
      expect(Object.keys(seconds)).toEqual(expect.arrayContaining([preferred, chosen]));
      if (chosen !== preferred) expect(seconds[chosen]!).toBeLessThan(seconds[preferred]!);
    }
    const sides = tuned.map(({ key }) => /\bh=(\d+) w=\1 c=3\b/.exec(key)?.[1]).filter(Boolean);
    expect(sides).toEqual(["14", "16"]);
  });

  it("has nothing left to do the second time, and measures anew when told", async () => {
    expect((await onestage("tune", ...shape, "--infer")).out).toMatch(/^Nothing is left to tune/);
    await mark();
    // Ended after the first job, which is kept, and so are all the others.
    const abort = new AbortController();
    let shown = "";
    const write = (text: string) => {
      shown += text;
      if (text.includes("job 1 of")) abort.abort();
      return true;
    };
    const stderr = { isTTY: true, write } as unknown as NodeJS.WritableStream;
    const said = await cliWith(
      { env: { ONESTAGE_CACHE: cache }, stderr, signal: abort.signal },
      "tune",
      ...shape,
      "--again",
    );
    expect(said).toMatchObject({ code: 130, out: "" });
    expect(shown).toMatch(/tuning rgb-only \(1\/1\): job 1 of \d+, .+ left/);
    const { jobs } = await store.read(adapter, () => expect.unreachable());
    expect(Object.keys(jobs).sort()).toEqual(tuned.map(({ key }) => key).sort());
    expect(Object.values(jobs).filter(({ seconds }) => !("mark" in seconds))).toHaveLength(1);
  });

  it("lists what is kept for all adapters and says which is this one", async () => {
    await store.update("another", () => ({ jobs: {}, pins: { matmul: "registers" } }));
    const { out, code } = await onestage("tune", "--list");
    expect(code).toBe(0);
    expect(out).toContain(`${adapter} (this one): ${tuned.length} tuned jobs\n`);
    expect(out).toContain("another: 0 tuned jobs\npinned  matmul=registers\n");
    expect(out).toMatch(/gain +chosen +preferred +times +job\n/);
    const { adapters } = JSON.parse((await onestage("tune", "--list", "--json")).out);
    expect(adapters.map((entry: { current: boolean }) => entry.current).sort()).toEqual([false, true]);
  });

  it.each([
    [
      ["--pin", "conv3d=tiled"],
      /^--pin: expected <family>=<variant> with a family out of .*conv2d.*, got conv3d=tiled$/,
    ],
    [["--pin", "conv2d"], /^--pin: expected conv2d= and one of registers, .*, got conv2d$/],
    [["--pin", "conv2d=toString"], /^--pin: expected conv2d= and one of registers, .*, got conv2d=toString$/],
    [["--unpin", "conv2d"], /^--unpin: expected a pinned family \(.+\), got conv2d$/],
    [["--list", "--clear"], /^--list: expected not to come with --clear, got both$/],
    [["--clear", "--batch", "2"], /^--clear: expected not to come with --batch, got both$/],
    [["--pin", "conv2d=tiled", "--infer"], /^--pin: expected not to come with --infer, got both$/],
    [["--all"], /^--all: expected to come with --clear, got it alone$/],
    [["--size", "16", "--data", "x"], /^--size: expected only without --data/],
    [["--data", "nowhere"], /nowhere: expected a dataset folder, got nothing there$/],
    [
      ["--size", "16", "--batch", "3", "--accumulate", "2"],
      /^--accumulate: expected a divisor of the batch of 3 images, got 2$/,
    ],
    [["--epochs", "3"], /^unknown option '--epochs'$/],
  ])("refuses %j in one line", async (argv, message) => {
    const said = await onestage("tune", ...argv);
    expect(said).toMatchObject({ code: 2, out: "" });
    expect(said.err).toHaveLength(1);
    expect(said.err[0]).toMatch(message);
  });

  it("needs a place to keep what it finds", async () => {
    expect(await cli("tune")).toMatchObject({
      code: 2,
      err: [expect.stringMatching(/^ONESTAGE_CACHE: expected a folder/)],
    });
  });
});

describe("training with tuned kernels", () => {
  it("says so, keeps the choices with the run, and goes on with them whatever is kept by then", async () => {
    await chooseOthers();
    const said = await trainInto("whole");
    expect(said.code, said.err.join("\n")).toBe(0);
    const line = `${tuned.length} tuned kernel choices and ${others.length} pinned families in force`;
    expect(aboutKernels(said.err)).toEqual([line]);
    const { choices, pins, ...rest } = kernelsOf("whole");
    expect(rest).toEqual({ adapter });
    expect(Object.entries(pins).map((pin) => pin.join("="))).toEqual([...others].sort());
    expect(Object.keys(choices)).toEqual(tuned.map(({ key }) => key).sort());
    for (const { key, preferred } of tuned) expect(choices[key]).not.toBe(preferred);

    const abort = new AbortController();
    const say = (text: string) => text.includes("epoch 1/2") && abort.abort();
    const broken = await cliWith(
      { env: { ONESTAGE_CACHE: cache }, signal: abort.signal, say },
      ...["train", ...shape, "--epochs", "2", "--out", path.join(folder, "broken")],
    );
    expect(broken.code).toBe(130);
    expect((await onestage("tune", "--clear")).out).toBe(`Removed what was kept for ${adapter}\n`);
    expect((await onestage("tune", "--pin", "conv2d=registers")).code).toBe(0);
    const resumed = await onestage("train", "--resume", "--out", path.join(folder, "broken"));
    expect(resumed.code, resumed.err.join("\n")).toBe(0);
    expect(aboutKernels(resumed.err)).toEqual([line]);
    expect(kernelsOf("broken")).toEqual(kernelsOf("whole"));
    expect(weights("broken").equals(weights("whole"))).toBe(true);
    // The store has other kernels by now, and they compute other bits.
    await trainInto("other");
    expect(kernelsOf("other")).toEqual({ adapter, choices: {}, pins: { conv2d: "registers" } });
    expect(weights("other").equals(weights("whole"))).toBe(false);
  });

  it("gives the same bits with the same pins, also where something else was tuned", async () => {
    const { pins } = kernelsOf("other");
    await store.update(adapter, () => ({ pins, jobs: Object.fromEntries(tuned.map((job) => [job.key, job])) }));
    await chooseOthers();
    expect((await trainInto("pinned")).code).toBe(0);
    expect(Object.keys(kernelsOf("pinned").choices)).toHaveLength(tuned.length);
    expect(weights("pinned").equals(weights("other"))).toBe(true);
    await onestage("tune", "--unpin", "conv2d");
    expect((await trainInto("unpinned")).code).toBe(0);
    expect(kernelsOf("unpinned").pins).toEqual({});
    expect(weights("unpinned").equals(weights("other"))).toBe(false);
  });

  it("leaves the store alone with --no-tuned, and a damaged one with a warning", async () => {
    const said = await trainInto("plain", "--no-tuned");
    expect(aboutKernels(said.err)).toEqual([]);
    expect(kernelsOf("plain")).toEqual({ adapter, choices: {}, pins: {} });
    expect(weights("plain").equals(weights("unpinned"))).toBe(false);
    writeFileSync(store.file(adapter), "{");
    const warned = await trainInto("warned");
    expect(warned.code).toBe(0);
    expect(aboutKernels(warned.err)).toEqual([
      expect.stringMatching(/^warning: tuned kernel choices are passed over: .+\.json: expected JSON, got /),
    ]);
    expect(weights("warned").equals(weights("plain"))).toBe(true);
  });

  it("tunes first what is new, with --tune", async () => {
    const [missing, ...known] = tuned.filter(({ key }) => !/\bh=16 w=16\b/.test(key));
    const pins = Object.fromEntries(others.map((pin) => pin.split("=")));
    await store.update(adapter, () => ({ pins, jobs: Object.fromEntries(known.map((job) => [job.key, job])) }));
    await mark();
    const { jobs: kept } = await store.read(adapter, () => expect.unreachable());
    const said = await trainInto("first", "--tune");
    expect(said.code, said.err.join("\n")).toBe(0);
    const { jobs } = await store.read(adapter, () => expect.unreachable());
    expect(jobs).toMatchObject(kept);
    expect(jobs[missing!.key]).toMatchObject({ preferred: missing!.preferred });
    expect(kernelsOf("first").choices[missing!.key]).toBe(jobs[missing!.key]!.chosen);
  });

  it("refuses what does not go together", async () => {
    const refused = async (...argv: string[]) => (await onestage("train", ...argv)).err;
    expect(await refused("--tune", "--no-tuned")).toEqual(["--tune: expected not to come with --no-tuned, got both"]);
    const message = "expected not to come with --resume (a run keeps its kernels), got both";
    expect(await refused("--resume", "--tune")).toEqual([`--tune: ${message}`]);
    expect(await refused("--resume", "--no-tuned")).toEqual([`--no-tuned: ${message}`]);
  });
});

describe("a run with kernels of its own", () => {
  const config = path.join(folder, "whole", "config.json");
  const image = path.join(data, "rgb", "val-0-0.png");
  const commands = [
    ["eval", "--run", path.join(folder, "whole")],
    ["predict", "--run", path.join(folder, "whole"), "--rgb", image],
  ];

  it.each(commands)("is used with them on the adapter of its training: %s", async (...argv) => {
    const said = await onestage(...argv);
    expect(said).toMatchObject({ code: 0, err: [] });
    const { choices, pins } = kernelsOf("whole");
    expect(inForce()).toEqual([choices, pins]);
  });

  it("is used without them on another one, and says so when it goes on", async () => {
    const before = readFileSync(config, "utf8");
    const moved = JSON.parse(before);
    moved.kernels.adapter = "another";
    writeFileSync(config, JSON.stringify(moved));
    for (const argv of commands) {
      expect(await onestage(...argv)).toMatchObject({ code: 0, err: [] });
      expect(inForce()).toEqual([{}, {}]);
    }
    writeFileSync(config, before);
    const out = path.join(folder, "elsewhere");
    const abort = new AbortController();
    const say = (text: string) => text.includes("epoch 1/2") && abort.abort();
    const argv = ["train", ...shape, "--epochs", "2", "--out", out];
    expect((await cliWith({ env: { ONESTAGE_CACHE: cache }, signal: abort.signal, say }, ...argv)).code).toBe(130);
    const file = path.join(out, "config.json");
    const stored = JSON.parse(readFileSync(file, "utf8"));
    stored.kernels.adapter = "another";
    writeFileSync(file, JSON.stringify(stored));
    const said = await onestage("train", "--resume", "--out", out);
    expect(said.code).toBe(0);
    expect(aboutKernels(said.err)).toEqual([
      `warning: the run's kernel choices are for another; on ${adapter} none are used`,
    ]);
    expect(existsSync(path.join(out, "report.html"))).toBe(true);
  });

  it("of before there were choices goes on without", async () => {
    const { kernels: _, ...old } = JSON.parse(readFileSync(config, "utf8"));
    writeFileSync(config, JSON.stringify(old));
    expect(await onestage(...commands[0]!)).toMatchObject({ code: 0, err: [] });
    expect(inForce()).toEqual([{}, {}]);
  });
});

it("onestage tune --clear --all removes everything", async () => {
  expect((await onestage("tune", "--clear", "--all")).out).toBe("Removed what was kept for 2 adapters\n");
  expect((await onestage("tune", "--list")).out).toBe(`Nothing is kept in ${store.folder}\n`);
  expect((await onestage("tune", "--clear")).out).toBe("Removed what was kept for no adapter\n");
});
