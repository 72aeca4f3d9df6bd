import { afterEach, beforeEach, expect, it } from "vitest";
import { matmul } from "../../src/kernels/index.ts";
import { adapterKey, type KernelChoices, kernelChoices, useChoices } from "../../src/tensor/choices.ts";
import { clearChoices, loadChoices, saveChoices } from "../../src/tensor/choicesStore.ts";
import { GpuDevice } from "../../src/tensor/device.ts";
import { Program } from "../../src/tensor/program.ts";
import { tune } from "../../src/tensor/tune.ts";
import { VERSION } from "../../src/tensor/version.ts";

beforeEach(async () => expect(await clearChoices()).toBeNull());
afterEach(async () => expect(await clearChoices()).toBeNull());

const none = { kernels: null, reason: null };
const choicesOf = (adapter: string, variant = "tiled"): KernelChoices => ({
  adapter,
  choices: { "conv2d n=1": variant },
  pins: { matmul: "registers" },
});

/** Puts something into the database as somebody else might. */
async function plant(adapter: string, content: unknown): Promise<void> {
  await saveChoices(choicesOf(adapter));
  await new Promise<void>((resolve, reject) => {
    const opening = indexedDB.open("onestage-kernels");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction("adapters", "readwrite");
      transaction.objectStore("adapters").put(content, adapter);
      transaction.oncomplete = () => resolve(opening.result.close());
      transaction.onabort = () => reject(transaction.error);
    };
  });
}

it("what was tuned is in force when the page is opened again, to the same bits", async () => {
  const work = async (device: GpuDevice, first: boolean) => {
    const data = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.fround(Math.sin(i + 1)));
    const x = device.upload(data(16 * 32), [16, 32]);
    const w = device.upload(data(32 * 8), [32, 8]);
    const step = () => matmul(x, w);
    const found = await tune(device, step, { rounds: 1 });
    if (first) expect(await saveChoices(kernelChoices(device))).toBeNull();
    const program = Program.record(device, step);
    program.run();
    const bits = new Uint32Array((await program.result.read()).buffer.slice(0));
    program.dispose();
    for (const tensor of [x, w]) tensor.dispose();
    return { bits, found: found.map(({ key }) => key) };
  };
  const before = await GpuDevice.open();
  const tuned = await work(before, true);
  expect(tuned.found.length).toBeGreaterThan(0);
  const chosen = kernelChoices(before);
  before.close();

  const after = await GpuDevice.open();
  const { kernels, reason } = await loadChoices(adapterKey(after));
  expect(reason).toBeNull();
  useChoices(after, kernels);
  expect(kernelChoices(after)).toEqual(chosen);
  expect(Object.keys(chosen.choices)).toEqual(expect.arrayContaining(tuned.found));
  // There is a choice for every job, so none is left to tune.
  expect(await work(after, false)).toEqual({ bits: tuned.bits, found: [] });
  after.close();
});

it("keeps choices apart for each adapter, puts new ones in place of old ones, and forgets", async () => {
  expect(await loadChoices("a")).toEqual(none);
  expect(await saveChoices(choicesOf("a", "tiled"))).toBeNull();
  expect(await saveChoices(choicesOf("b"))).toBeNull();
  expect(await saveChoices(choicesOf("a", "registers"))).toBeNull();
  expect(await loadChoices("a")).toEqual({ kernels: choicesOf("a", "registers"), reason: null });
  expect(await loadChoices("b")).toEqual({ kernels: choicesOf("b"), reason: null });
  expect(await clearChoices("a")).toBeNull();
  expect(await loadChoices("a")).toEqual(none);
  expect(await loadChoices("b")).toEqual({ kernels: choicesOf("b"), reason: null });
  expect(await clearChoices()).toBeNull();
  expect(await loadChoices("b")).toEqual(none);
});

const whole = { format: "onestage-kernels-1", version: VERSION, ...choicesOf("a") };
it.each<[string, unknown, RegExp]>([
  ["nothing", null, /format: expected onestage-kernels-1, got undefined$/],
  ["a text", "tiled", /format: expected onestage-kernels-1, got undefined$/],
  ["of another format", { ...whole, format: 7 }, /format: expected onestage-kernels-1, got 7$/],
  ["of another version", { ...whole, version: "0.0.1" }, /version: expected \d+\.\d+\.\d+, this one, got 0\.0\.1$/],
  ["of another adapter", { ...whole, adapter: "b" }, /adapter: expected a, got b$/],
  ["without choices", { ...whole, choices: undefined }, /choices: expected an object, got nothing$/],
  ["with a number for a choice", { ...whole, choices: { "conv2d n=1": 3 } }, /conv2d n=1: expected a text, got 3$/],
  ["with a list of pins", { ...whole, pins: [] }, /pins: expected an object, got \[\]$/],
  ["with what JSON cannot hold", { ...whole, pins: 1n }, /BigInt/],
])("passes over content that is %s, says why, and replaces it", async (_, content, reason) => {
  await plant("a", content);
  const { kernels, reason: said } = await loadChoices("a");
  expect(kernels).toBeNull();
  expect(said).toMatch(reason);
  expect(await saveChoices(choicesOf("a"))).toBeNull();
  expect(await loadChoices("a")).toEqual({ kernels: choicesOf("a"), reason: null });
});
